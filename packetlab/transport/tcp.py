"""TCP: a reliable stream of bytes between two processes (RFC 9293)."""

from packetlab.internet.ipv4 import IPv4
from packetlab.model.fields import auto, bit, field, items, octets, preset, u3, u4, u8, u9, u16, u32
from packetlab.model.header import Header


class TCPOption(Header, ref="RFC 9293 section 3.1", family="kind", name="tcp.option"):
    """One option of a TCP header."""

    kind: u8 = auto.key(
        "which option", wireshark="tcp.option_kind",
        values={0: "end of options", 1: "no operation", 2: "maximum segment size", 3: "window scale",
                4: "SACK permitted", 5: "SACK", 8: "timestamps", 19: "MD5 signature", 28: "user timeout",
                29: "authentication (TCP-AO)", 30: "multipath TCP", 34: "fast open"},
    )  # fmt: skip


class EndOfOptions(TCPOption, key=0, name="tcp.option.end"):
    """Ends the list; zeros may follow up to the next multiple of four bytes."""


class NoOperation(TCPOption, key=1, name="tcp.option.nop"):
    """Fills a byte so that the next option is aligned."""


class LongTCPOption(TCPOption, name="tcp.option.other"):
    """An option with a length, of a kind packetlab does not know better."""

    length: u8 = auto.length("of the whole option, in bytes", counts="header", wireshark="tcp.option_len", unit=1)
    data: bytes = octets("what the option says", unnamed="depends on the option")


class TCP(Header, ref="RFC 9293 section 3.1", rides={IPv4: 6}, next_by=("dst_port", "src_port"), wireshark="tcp"):
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
