"""What packetlab reads of the corpora, held against what Wireshark's programs say of the same files.

Where both differ, the difference has a row here that says which of them sees more, and why.
"""

import csv
import random
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest

from packetlab.capture import read
from packetlab.model.errors import CaptureError

ZEROS = "zeros are no record header, and a record of no bytes at time zero is no packet"
GOES_ON = "packetlab goes on behind the damage, or takes a wrong length back; tshark stops there"
DIFFERENCES = {
    "solaris.snoop": (0, "snoop is another format: a CaptureError names the program that converts it"),
    "clusterfuzz-testcase-minimized-FuzzTarget-5717750942269440": (0, ZEROS),
    "crash-8534c61cdf5987482365d7877ade12eef5aaf8b7": (1, ZEROS),
    "vtp_asan.pcap": (2, ZEROS),
    "clusterfuzz-testcase-minimized-FuzzTarget-5766899836387328": (
        1, "in version 2.3 the smaller length is the captured one, whatever stands first",
    ),
    "crash-81dba690a3f67ee41a41390a625db732fa1413a1": (None, GOES_ON),
    "crash-exception-cast-constructed-record": (None, GOES_ON),
    "igmplayer": (None, GOES_ON),
    "crash-pcapng-epb-unbounded-length": (0, "the packet does not fit into its block, so where it ends is unknown"),
    "shb-option-too-long.pcapng": (0, "its section header is damaged and nothing sound follows"),
}  # fmt: skip
"""File name -> what packetlab reads (None: more than tshark), and the reason."""

TICKS = "the fraction of a second is a second or more; tshark wraps it, packetlab adds it"
ROW_DIFFERENCES = {
    "timestamp_invalid_micro.pcap": TICKS,
    "rx_serviceid_oobr.pcap": TICKS,
    "atm-heapoverflow.pcap": "tshark takes off the pseudo-header of ATM",
    "atm-oam-heapoverflow.pcap": "tshark takes off the pseudo-header of ATM",
    "atm-oam-loopback-print-overrun.pcap": "tshark takes off the pseudo-header of ATM",
    "pcapng-example.pcapng.zst.raw.pcap": "one time is beyond what 64 bits of nanoseconds hold",
    "test018.pcapng": "tshark counts custom blocks as packets",
    "test102.pcapng": "tshark counts custom blocks as packets",
    "test202.pcapng": "tshark counts custom blocks as packets",
}


def manifest(corpora: Path) -> list[dict[str, str]]:
    with (corpora / "MANIFEST.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def path_of(corpora: Path, row: dict[str, str]) -> Path:
    return corpora / row["repo"].replace("/", "+") / row["path"]


def test_every_file_gives_the_packets_and_link_types_that_tshark_counts(corpora: Path) -> None:
    files = 0
    for row in manifest(corpora):
        path = path_of(corpora, row)
        started = time.monotonic()
        links: set[int] = set()
        count = 0
        try:
            with read(path) as capture:
                for frame in capture:
                    count += 1
                    links.add(frame.link_type)
                damage = list(capture.damage)
        except CaptureError as error:
            assert error.remedy, path
            damage = []
        assert time.monotonic() - started < 20, path
        files += 1
        wanted = int(row["packets"])
        if path.name in DIFFERENCES:
            read_here = DIFFERENCES[path.name][0]
            assert count > wanted if read_here is None else count == read_here, path
            continue
        assert count == wanted, (path, damage)
        if count:
            known = {int(each.partition(":")[0]) for each in row["linktypes"].split(",")}
            assert links <= known, path
        if "cut-short" in row["status"] and count:
            assert damage, path
        if row["status"] == "ok":
            assert not damage, (path, damage)
    assert files > 2000


@pytest.mark.needs("tshark")
def test_times_and_lengths_are_those_that_tshark_shows(corpora: Path) -> None:
    rows = manifest(corpora)
    ordinary = [row for row in rows if row["format"].startswith("pcap us LE v2.4") and row["status"] == "ok"]
    special = [
        row for row in rows if row not in ordinary and "Fuzz" not in row["path"] and "capinfos" not in row["status"]
    ]
    chance = random.Random(11)
    packets = 0
    for row in chance.sample(ordinary, 10) + chance.sample(special, 25):
        path = path_of(corpora, row)
        if path.name in DIFFERENCES or path.name in ROW_DIFFERENCES:
            continue
        command = ["tshark", "-n", "-r", str(path), "-c", "300", "-T", "fields", "-e", "frame.time_epoch"]
        for name in ("eth", "ip", "ipv6", "sll"):
            command += ["--disable-protocol", name]
        done = subprocess.run([*command, "-e", "frame.len", "-e", "frame.cap_len"], capture_output=True, text=True)
        shown = []
        for line in done.stdout.splitlines():
            moment, wire, captured = line.split("\t")
            shown.append((int(Decimal(moment or 0) * 10**9), int(wire), int(captured)))
        with read(path) as capture:
            seen = [(frame.time, frame.wire_length, len(frame.data)) for frame in capture.packets(300)]
        assert seen == shown, path
        packets += len(seen)
    assert packets > 500
