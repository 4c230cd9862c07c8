"""Random packets, as plain values that every library can be given."""

from hypothesis import strategies as st

macs = st.binary(min_size=6, max_size=6)
ipv4s = st.binary(min_size=4, max_size=4)
ipv6s = st.binary(min_size=16, max_size=16)
ports = st.integers(49152, 65535)
"""Ports on which no library expects a protocol of its own."""
u4 = st.integers(0, 15)
u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
payloads = st.binary(max_size=64)
labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)


def mac_text(data: bytes) -> str:
    return data.hex(":")


def ipv4_text(data: bytes) -> str:
    return ".".join(map(str, data))


def ipv6_text(data: bytes) -> str:
    import socket

    return socket.inet_ntop(socket.AF_INET6, data)


def ipv4_options() -> st.SearchStrategy[bytes]:
    """Whole options, padded: no-operations, router alert, record route, and an unknown one."""
    one = st.one_of(
        st.just(b"\x01"),
        st.binary(min_size=2, max_size=2).map(lambda value: b"\x94\x04" + value),
        st.integers(1, 3).map(lambda count: bytes([7, 3 + 4 * count, 4]) + bytes(4 * count)),
        st.binary(max_size=4).map(lambda value: bytes([0xDE, 2 + len(value)]) + value),
    )
    return st.lists(one, max_size=3).map(b"".join).map(lambda data: data + bytes(-len(data) % 4))


def tcp_options() -> st.SearchStrategy[list[tuple[str, object]]]:
    """Options as scapy writes them."""
    one = st.one_of(
        st.tuples(st.just("NOP"), st.none()),
        st.tuples(st.just("MSS"), u16),
        st.tuples(st.just("WScale"), st.integers(0, 14)),
        st.tuples(st.just("SAckOK"), st.just(b"")),
        st.tuples(st.just("Timestamp"), st.tuples(u32, u32)),
        st.tuples(st.just("SAck"), st.tuples(u32, u32)),
    )
    return st.lists(one, max_size=3)
