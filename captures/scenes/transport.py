"""Scenes of the transport layer: how connections begin, end, are refused, lose segments and wait."""

import contextlib
import socket
import struct
import time

from packetlab.net import Network
from packetlab.net.servers import TCPEchoServer
from scenes.scene import (
    PAIR,
    PAIR4,
    SERVER,
    SERVER6,
    Look,
    Scene,
    connect,
    datagram,
    duplicates,
    impaired,
    listener,
    opened,
    read_all,
    sent_again,
)


def _handshake(network: Network) -> None:
    with TCPEchoServer(network["server"], 7), connect(network["client"], SERVER, 7) as client:
        client.sendall(b"hello")
        client.recv(100)
        client.shutdown(socket.SHUT_WR)
        read_all(client)


def _refused(network: Network) -> None:
    for address in (SERVER, SERVER6):
        with contextlib.suppress(ConnectionRefusedError), connect(network["client"], address, 81):
            pass
        datagram(network["client"], address, 81, b"anybody there?")


def _reset(network: Network) -> None:
    with listener(network["server"], 80) as waiting, connect(network["client"], SERVER, 80) as client:
        accepted = waiting.accept()[0]
        client.sendall(b"hello")
        accepted.recv(100)
        # Lingering for no time means: throw away what is not sent, and reset.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        with contextlib.suppress(ConnectionResetError):
            client.recv(100)


def _transfer(size: int, times: int = 1) -> object:
    def play(network: Network) -> None:
        with listener(network["server"], 80) as waiting, connect(network["client"], SERVER, 80) as client:
            accepted = waiting.accept()[0]
            accepted.settimeout(5)
            with accepted:
                for _ in range(times):
                    client.sendall(bytes(size))
                    left = size
                    while left:
                        left -= len(accepted.recv(left))
                client.shutdown(socket.SHUT_WR)
                read_all(accepted)
            read_all(client)

    return play


def _lost_syn(network: Network) -> None:
    with listener(network["server"], 80) as waiting, connect(network["client"], SERVER, 80) as client:
        accepted = waiting.accept()[0]
        accepted.close()
        read_all(client)


def _zero_window(network: Network) -> None:
    with listener(network["server"], 80, SO_RCVBUF=4096) as waiting:
        client = connect(network["client"], SERVER, 80, SO_SNDBUF=65536)
        accepted = waiting.accept()[0]
        accepted.settimeout(5)
        with client, accepted:
            client.setblocking(False)
            sent = client.send(bytes(12_000))
            client.setblocking(True)
            time.sleep(0.75)  # the application is busy with something else
            client.shutdown(socket.SHUT_WR)
            assert len(read_all(accepted)) == sent


def _scan(network: Network) -> None:
    with TCPEchoServer(network["server"], 22), TCPEchoServer(network["server"], 80):
        for port in range(1, 101):
            with contextlib.suppress(ConnectionRefusedError), connect(network["client"], SERVER, port):
                pass


SCENES = (
    Scene(
        "handshake", "a TCP connection from beginning to end",
        "SYN, SYN-ACK, ACK; five bytes, their echo; and both sides say FIN. SYN and FIN count as a byte each.",
        PAIR4, _handshake,
        (
            Look("SYN: the client's first sequence number and what it can do (options).",
                 "tcp.flags.syn == 1 && tcp.flags.ack == 0"),
            Look("SYN-ACK: the server's.", "tcp.flags.syn == 1 && tcp.flags.ack == 1"),
            Look("data and their echo.", "tcp.flags.push == 1"),
            Look("FIN from either side: each direction is closed by itself.", "tcp.flags.fin == 1"),
        ),
    ),
    Scene(
        "refused", "nobody listens there",
        "A connection to a TCP port that nobody listens on is answered with RST; a datagram to such a UDP port with an "
        "ICMP message that quotes it. First over IPv4, then over IPv6.",
        PAIR, _refused,
        (
            Look("SYN to port 81.", "tcp.flags.syn == 1"),
            Look("RST: it acknowledges the SYN, so that the client knows what it is about.", "tcp.flags.reset == 1"),
            Look("ICMP port unreachable; behind its header stands the datagram that it is about.",
                 "icmp.type == 3 && icmp.code == 3"),
            Look("the same in ICMPv6.", "icmpv6.type == 1 && icmpv6.code == 4"),
        ),
    ),
    Scene(
        "reset", "a connection is broken off",
        "The server throws the connection away after the first data: RST instead of FIN. The client's application gets "
        "\"connection reset by peer\".",
        PAIR4, _reset,
        (
            Look("RST in the middle of a connection.", "tcp.flags.reset == 1"),
            Look("what came before.", "tcp.flags.push == 1"),
        ),
    ),
    Scene(
        "lost_syn", "the first SYN is lost",
        "The wire drops the first SYN. Nobody knows; the client asks again after one second. Where a server seems to "
        "answer after 1, 3 or 7 seconds, SYNs were lost.",
        impaired("drop: [1], match: tcp-syn, toward: server"), _lost_syn,
        (
            Look("the SYN, and one second later the same again.", "tcp.flags.syn == 1 && tcp.flags.ack == 0"),
            Look("now it is answered.", "tcp.flags.syn == 1 && tcp.flags.ack == 1"),
        ),
    ),
    Scene(
        "retransmission", "the last segment is lost, and only time can tell",
        "Four times one segment and its acknowledgement; the wire drops the third on its way. Nothing comes behind it "
        "that could tell, so the sender waits for its timer and sends it again. Recorded at the sender.",
        impaired("drop: [3], match: tcp-data, toward: server, delay: 5ms"), _transfer(100, 4),
        (Look("sent a second time.", "tcp && ip.src == 10.0.0.1", sent_again),),
    ),
    Scene(
        "fast_retransmit", "a segment in the middle is lost, and those behind it tell",
        "The wire drops the fourth data segment. Each later one makes the receiver repeat what it is waiting for, and "
        "say in SACK blocks what it has; the sender sends the lost one again at once.",
        impaired("drop: [4], match: tcp-data, toward: server, delay: 5ms"), _transfer(20_000),
        (
            Look("duplicate acknowledgements: the same number again.", "tcp && ip.src == 10.0.0.2", duplicates),
            Look("selective acknowledgements: what lies behind the gap is here (longer options).", "tcp.hdr_len == 44"),
            Look("sent a second time, one round trip later and long before a timer.", "tcp && ip.src == 10.0.0.1",
                 sent_again),
        ),
    ),
    Scene(
        "zero_window", "the receiver has no room",
        "The server's application does not read for a while. Its window closes; the client asks again and again "
        "whether there is room (window probes), until the application reads and the window opens.",
        PAIR4, _zero_window,
        (
            Look("window 0: stop.", "ip.src == 10.0.0.2 && tcp.window_size_value == 0 && tcp.flags.reset == 0"),
            Look("there is room again.", "ip.src == 10.0.0.2 && tcp.flags.syn == 0", opened),
        ),
    ),
    Scene(
        "port_scan", "every port is tried",
        "One host tries the ports 1 to 100 of another. Closed ones answer with RST; two are open.",
        PAIR4, _scan,
        (
            Look("SYN to one port after the other.", "tcp.flags.syn == 1 && tcp.flags.ack == 0"),
            Look("open: SYN-ACK.", "tcp.flags.syn == 1 && tcp.flags.ack == 1"),
            Look("closed: RST from the server.", "tcp.flags.reset == 1 && ip.src == 10.0.0.2"),
        ),
    ),
)  # fmt: skip
