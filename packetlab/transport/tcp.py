"""TCP: a reliable stream of bytes between two processes (RFC 9293)."""

from typing import Any

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.fields import auto, bit, field, items, octets, preset, u1, u3, u4, u8, u9, u15, u16, u32
from packetlab.model.header import ANY, Header


class TCPOption(Header, ref="RFC 9293 section 3.1", family="kind", name="tcp.option"):
    """One option of a TCP header."""

    kind: u8 = auto.key(
        "which option", wireshark="tcp.option_kind",
        values={0: "end of options", 1: "no operation", 2: "maximum segment size", 3: "window scale",
                4: "SACK permitted", 5: "SACK", 8: "timestamps", 19: "MD5 signature", 28: "user timeout",
                29: "authentication (TCP-AO)", 30: "multipath TCP", 34: "fast open", 253: "experiment 1",
                254: "experiment 2"},
    )  # fmt: skip


class EndOfOptions(TCPOption, key=0, name="tcp.option.end"):
    """Ends the list; zeros may follow up to the next multiple of four bytes."""


class NoOperation(TCPOption, key=1, name="tcp.option.nop"):
    """Fills a byte so that the next option is aligned."""


def _length() -> Any:
    return auto.length("of the whole option, in bytes", counts="header", wireshark="tcp.option_len", unit=1)


class LongTCPOption(TCPOption, key=ANY, name="tcp.option.other"):
    """An option with a length, of a kind packetlab does not know better."""

    length: u8 = _length()
    data: bytes = octets("what the option says", unnamed="depends on the option")


class MaximumSegmentSize(TCPOption, key=2, ref="RFC 9293 section 3.7.1", name="tcp.option.mss"):
    """How much data its sender will take in one segment; only in a SYN."""

    length: u8 = _length()
    size: u16 = field("the most data bytes that the sender of this option wants in one segment, headers not counted",
                      wireshark="tcp.options.mss_val", unit="bytes")  # fmt: skip


class WindowScale(TCPOption, key=3, ref="RFC 7323 section 2.2", name="tcp.option.wscale"):
    """Lets windows be larger than 65535 bytes; counts only if both SYNs carry it."""

    length: u8 = _length()
    shift: u8 = field("every window of its sender is to be multiplied by 2 to this power; at most 14",
                      wireshark="tcp.options.wscale.shift")  # fmt: skip


class SACKPermitted(TCPOption, key=4, ref="RFC 2018 section 2", name="tcp.option.sack_permitted"):
    """In a SYN: its sender understands selective acknowledgments."""

    length: u8 = _length()


class SACKBlock(Header, ref="RFC 2018 section 3", name="tcp.option.sack.block"):
    """A run of data that arrived although something before it is missing."""

    left: u32 = field("sequence number of the first byte of the run", wireshark="tcp.options.sack_le")
    right: u32 = field("the sequence number behind its last byte", wireshark="tcp.options.sack_re")


class SACK(TCPOption, key=5, ref="RFC 2018 section 3", name="tcp.option.sack"):
    """What has arrived beyond the acknowledgment number, so that only the gaps are sent again."""

    length: u8 = _length()
    blocks: tuple[SACKBlock, ...] = items(
        "runs of data that have arrived; the first holds the newest, and one below the acknowledgment number says "
        "that data came twice (RFC 2883)", SACKBlock, unnamed="Wireshark names the edges of each block",
    )  # fmt: skip


class Timestamps(TCPOption, key=8, ref="RFC 7323 section 3.2", name="tcp.option.timestamps"):
    """Measures the round-trip time, and tells old segments from new ones."""

    length: u8 = _length()
    value: u32 = field("the sender's clock as it sent this; ticks and start are its own affair",
                       wireshark="tcp.options.timestamp.tsval")  # fmt: skip
    echo: u32 = preset("the newest such value that came from the other side; counts only with ACK", 0,
                       wireshark="tcp.options.timestamp.tsecr")  # fmt: skip


class MD5Signature(TCPOption, key=19, ref="RFC 2385", name="tcp.option.md5"):
    """Proves that its sender knows a shared secret; kept BGP sessions safe, TCP-AO replaces it."""

    length: u8 = _length()
    digest: bytes = octets("MD5 over addresses, header, data and the secret", wireshark="tcp.options.md5.digest")


class UserTimeout(TCPOption, key=28, ref="RFC 5482", name="tcp.option.user_timeout"):
    """How long its sender keeps unacknowledged data before it gives the connection up."""

    length: u8 = _length()
    granularity: u1 = preset("0: the time is in seconds; 1: in minutes", 0, values={0: "seconds", 1: "minutes"},
                             wireshark="tcp.options.user_to_granularity")  # fmt: skip
    timeout: u15 = field("how long, in that unit", wireshark="tcp.options.user_to_val")


class Authentication(TCPOption, key=29, ref="RFC 5925 section 2.2", name="tcp.option.authentication"):
    """TCP-AO: proves that the segment is from who shares a key, and that nobody changed it."""

    length: u8 = _length()
    key_id: u8 = field("the key with which this segment was signed", wireshark="tcp.options.ao.keyid")
    next_key_id: u8 = field("the key with which the sender wants to be answered", wireshark="tcp.options.ao.rnextkeyid")
    code: bytes = octets("the signature (message authentication code)", wireshark="tcp.options.ao.mac")


class Multipath(TCPOption, key=30, ref="RFC 8684 section 3", name="tcp.option.multipath"):
    """MPTCP: one connection over several paths; the data depends on the subtype."""

    length: u8 = _length()
    subtype: u4 = field(
        "what it is about", wireshark="tcp.options.mptcp.subtype",
        values={0: "MP_CAPABLE: I can do this", 1: "MP_JOIN: another path of a connection", 2: "DSS: data sequence",
                3: "ADD_ADDR: I have this address too", 4: "REMOVE_ADDR: this address is gone",
                5: "MP_PRIO: priority of a path", 6: "MP_FAIL: fall back to plain TCP", 7: "MP_FASTCLOSE: abort all",
                8: "MP_TCPRST: why this path is reset"},
    )  # fmt: skip
    low_bits: u4 = preset("version or flags, by subtype", 0, unnamed="Wireshark names them by subtype")
    data: bytes = octets("keys, tokens, addresses or sequence numbers, by subtype",
                         unnamed="Wireshark names them by subtype")  # fmt: skip


class FastOpen(TCPOption, key=34, ref="RFC 7413 section 4.1.1", name="tcp.option.fast_open"):
    """Lets data ride in the SYN, for a client that the server has met before."""

    length: u8 = _length()
    cookie: bytes = octets("proof of an earlier meeting, made by the server; empty: please give me one",
                           wireshark="tcp.options.tfo.cookie")  # fmt: skip


class Experiment(TCPOption, key=(253, 254), ref="RFC 6994", name="tcp.option.experiment"):
    """An option being tried out; the first 16 bits say by whom."""

    length: u8 = _length()
    experiment: u16 = field("which experiment; 0xf989 is fast open before it had a number", base="hex",
                            wireshark="tcp.options.experimental.exid")  # fmt: skip
    data: bytes = octets("what the experiment says", wireshark="tcp.options.experimental.data")


class TCP(
    Header,
    ref="RFC 9293 section 3.1",
    rides={IPv4: 6, IPv6: 6},
    next_by=("dst_port", "src_port"),
    wireshark="tcp",
):
    """Carries a stream of bytes in order, without gaps, at a pace that receiver and network can bear."""

    FIN = bit(0x001, "the sender has no more data", wireshark="tcp.flags.fin")
    SYN = bit(0x002, "opens a connection and fixes the first sequence number", wireshark="tcp.flags.syn")
    RST = bit(0x004, "ends the connection at once, or says that there is none", wireshark="tcp.flags.reset")
    PSH = bit(0x008, "hand the data to the application now", wireshark="tcp.flags.push")
    ACK = bit(0x010, "the acknowledgement number counts", wireshark="tcp.flags.ack")
    URG = bit(0x020, "the urgent pointer counts", wireshark="tcp.flags.urg")
    ECE = bit(0x040, "congestion was reported to me; in a SYN: I know ECN", wireshark="tcp.flags.ece")
    CWR = bit(0x080, "I have slowed down, as you asked", wireshark="tcp.flags.cwr")
    AE = bit(0x100, "accurate congestion feedback", wireshark="tcp.flags.ae")

    src_port: u16 = field("the sending process", wireshark="tcp.srcport", also=("tcp.port",))
    dst_port: u16 = field("the process this is for", wireshark="tcp.dstport", also=("tcp.port",))
    sequence: u32 = preset("place of the first data byte in the sender's stream", 0, wireshark="tcp.seq_raw")
    acknowledgment: u32 = preset("the next byte the sender expects; all before it have arrived", 0,
                                 wireshark="tcp.ack_raw")  # fmt: skip
    data_offset: u4 = auto.length(
        "of this header, in words of 32 bits; more than 5 means options", counts="header", unit=4,
        wireshark="tcp.hdr_len", scale=4,
    )  # fmt: skip
    reserved: u3 = preset("must be zero", 0, wireshark="tcp.flags.res")
    flags: u9 = preset("what this segment is for", 0, bits=(AE, CWR, ECE, URG, ACK, PSH, RST, SYN, FIN), base="hex",
                       wireshark="tcp.flags")  # fmt: skip
    window: u16 = preset("bytes that the sender can still take in, before scaling", 65535,
                         wireshark="tcp.window_size_value")  # fmt: skip
    checksum: u16 = auto.checksum(
        "finds damage to the data, this header and (through the pseudo-header) the addresses", over="pseudo",
        wireshark="tcp.checksum",
    )  # fmt: skip
    urgent_pointer: u16 = preset("where urgent data ends, counted from the sequence number", 0,
                                 wireshark="tcp.urgent_pointer")  # fmt: skip
    options: tuple[TCPOption, ...] = items(
        "extras, mostly agreed in the handshake", TCPOption, pad=4, stop=EndOfOptions, lazy=True,
        wireshark="tcp.options",
    )  # fmt: skip
