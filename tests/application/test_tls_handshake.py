"""Hellos are read to the last byte that is there; fingerprints are those that others have published."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetlab.application.tls_cipher_suites import CIPHER_SUITES
from packetlab.application.tls_handshake import (
    ClientHello,
    certificates,
    cipher_suite_name,
    client_hello,
    server_hello,
    version_name,
)


def vector(data: bytes, size: int) -> bytes:
    """Bytes behind their length."""
    return len(data).to_bytes(size, "big") + data


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def hello(version: int, suites: list[int], extensions: list[tuple[int, bytes]] | None) -> ClientHello:
    """A ClientHello by hand (RFC 8446 section 4.1.2), read again."""
    body = numbers(version) + bytes(32) + vector(b"", 1) + vector(numbers(*suites), 2) + vector(b"\0", 1)
    if extensions is not None:
        body += vector(b"".join(numbers(kind) + vector(data, 2) for kind, data in extensions), 2)
    found = client_hello(body)
    assert found is not None
    return found


NAME = (0, vector(b"\0" + vector(b"example.org", 2), 2))


@pytest.mark.parametrize(
    ("made", "text", "digest"),
    [
        (
            hello(769, [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
                  [NAME, (10, vector(numbers(23, 24, 25), 2)), (11, vector(b"\0", 1))]),
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
            "ada70206e40642a3e4461f35503241d5",
        ),
        (
            hello(769, [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], None),
            "769,4-5-10-9-100-98-3-6-19-18-99,,,",
            "de350869b8c85de67a350c8d186f11e6",
        ),
    ],
)  # fmt: skip
def test_ja3_is_that_of_the_published_examples(made: ClientHello, text: str, digest: str) -> None:
    assert (made.ja3_text, made.ja3) == (text, digest)


CHROME = [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x9C, 0x9D,
          0x2F, 0x35]  # fmt: skip
CHROME_EXTENSIONS = [
    (0x1B, b""), NAME, (0x33, b""), (0x10, vector(vector(b"h2", 1) + vector(b"http/1.1", 1), 2)), (0x4469, b""),
    (0x17, b""), (0x2D, b""), (0x0D, vector(numbers(0x403, 0x804, 0x401, 0x503, 0x805, 0x501, 0x806, 0x601), 2)),
    (5, b""), (0x23, b""), (0x12, b""), (0x2B, vector(numbers(0x2A2A, 0x304, 0x303), 1)), (0xFF01, b"\0"),
    (0x0B, b"\1\0"), (0x0A, vector(numbers(0x1D), 2)), (0x15, bytes(7)),
]  # fmt: skip


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("grease", [False, True])
def test_ja4_is_that_of_the_specification_in_any_order_and_with_grease(backwards: bool, grease: bool) -> None:
    suites, extensions = CHROME[:: -1 if backwards else 1], CHROME_EXTENSIONS[:: -1 if backwards else 1]
    if grease:
        suites, extensions = [0xDADA, *suites], [(0x1A1A, b""), *extensions, (0xFAFA, b"\0")]
    assert hello(0x303, suites, extensions).ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1"


@pytest.mark.parametrize(
    ("protocol", "marks"),
    [(b"h2", "h2"), (b"http/1.1", "h1"), (b"h", "hh"), (b"\xab", "ab"), (b"\xab\xcd", "ad"), (b"\x30\xab", "3b"),
     (b"\x30\x31\xab\xcd", "3d"), (b"\x30\xab\xcd\x31", "01")],
)  # fmt: skip
def test_ja4_shows_the_ends_of_the_first_protocol(protocol: bytes, marks: str) -> None:
    found = hello(0x303, CHROME, [(0x10, vector(vector(protocol, 1), 2))])
    assert found.ja4.startswith(f"t12i1501{marks}_8daaf6152771_")


def test_ja4_of_a_hello_with_nothing_in_it_is_zeros() -> None:
    assert hello(0x301, [], None).ja4 == "t10i000000_000000000000_000000000000"


def test_ja4_without_signature_algorithms_has_no_list_of_them() -> None:
    wanted = hashlib.sha256(b"0005,002d").hexdigest()[:12]
    assert hello(0x303, [0x1301], [(0x2D, b""), NAME, (5, b"")]).ja4.endswith(wanted)


def test_what_a_client_offers_is_read() -> None:
    found = hello(0x303, CHROME, CHROME_EXTENSIONS)
    assert found.server_name == "example.org" and found.protocols == (b"h2", b"http/1.1")
    assert found.versions == (0x304, 0x303) and found.groups == (0x1D,) and found.point_formats == (0,)
    assert hello(0x302, [5], None).versions == (0x302,) and hello(0x302, [5], None).server_name == ""


def test_a_name_that_is_no_ascii_is_spelled_out() -> None:
    odd = (0, vector(b"\0" + vector(b"\xff\x1b[2J", 2), 2))
    assert hello(0x303, [5], [odd]).server_name.startswith("\\xff")


def test_a_server_s_choice_is_read_and_a_retry_is_known() -> None:
    def choice(random: bytes, extensions: bytes) -> bytes:
        return numbers(0x303) + random + b"\0" + numbers(0x1302) + b"\0" + extensions

    extensions = vector(numbers(0x2B) + vector(numbers(0x304), 2) + numbers(0x10) + vector(vector(b"\2h2", 2), 2), 2)
    found = server_hello(choice(bytes(32), extensions))
    assert found is not None and (found.version, found.cipher_suite, found.protocol) == (0x304, 0x1302, b"h2")
    assert not found.is_retry
    retry = server_hello(choice(hashlib.sha256(b"HelloRetryRequest").digest(), b""))  # RFC 8446 section 4.1.3 says so
    assert retry is not None and retry.is_retry and retry.version == 0x303


def test_a_chain_is_read_as_far_as_it_goes_and_to_a_bound() -> None:
    chain = [b"first", b"second"]
    body = vector(b"".join(vector(one, 3) for one in chain), 3)
    assert certificates(body) == (b"first", b"second") and certificates(body[:-1]) == ()
    assert certificates(vector(vector(b"first", 3) + b"\0\0\x50short", 3)) == (b"first",)
    assert len(certificates(vector(vector(b"x", 3) * 1000, 3))) == 16


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_noise_raises_nothing(data: bytes) -> None:
    start = numbers(0x303) + bytes(32) + b"\0"
    for body in (data, start + data, start + numbers(2, 5) + b"\0" + data):
        found = client_hello(body)
        if found is not None:
            assert len(found.ja3) == 32 and len(found.ja4) >= 36
            assert found.server_name.isascii() and found.versions and found.protocols is not None
        answer = server_hello(body)
        assert answer is None or (answer.version >= 0 and answer.protocol is not None)
        assert certificates(body) is not None


def test_numbers_have_their_names_or_stay_numbers() -> None:
    assert (cipher_suite_name(0x1301), cipher_suite_name(0xC02F)) == (
        "TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")  # fmt: skip
    assert (cipher_suite_name(0x0A0A), cipher_suite_name(0xFEFE)) == ("GREASE 0x0a0a", "0xfefe")
    assert (version_name(0x304), version_name(0x7F1C)) == ("TLS 1.3", "0x7f1c")


def test_the_names_of_cipher_suites_are_those_that_tshark_knows() -> None:
    import shutil
    import subprocess

    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    said = subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, check=True).stdout
    rows = (line.split("\t") for line in said.splitlines() if line.startswith("V\ttls.handshake.ciphersuite\t"))
    known = {int(row[2], 0): row[3] for row in rows}
    assert {number: known.get(number) for number in CIPHER_SUITES} == CIPHER_SUITES
