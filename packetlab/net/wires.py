"""Impaired links of a running network: starts their relays, asks them what they did, shows frames as on a real wire."""

import marshal
import socket
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from packetlab.model.errors import PacketLabError, UsageError
from packetlab.net.impairment import Impairment, read_impairment
from packetlab.net.namespaces import Namespaces
from packetlab.net.process import Process
from packetlab.net.script import code_of, command

NEAR, FAR = "near", "far"  # the relay's interfaces, named after the ends of the link as declared
_EVERYTHING = 0x0003  # ETH_P_ALL
_SOL_PACKET, _IGNORE_OUTGOING, _RCVBUFFORCE = 263, 23, 33
_BUFFER = 8 << 20


class Wire:
    """A link with a relay in the middle. A wire.Host too: capture on its interfaces "near" and "far"."""

    def __init__(self, namespaces: Namespaces, node: int, near: str, far: str, impairment: Impairment) -> None:
        """Starts the relay in the namespace `node`, whose interfaces must be up."""
        self.near, self.far, self.impairment = near, far, impairment
        self._namespaces, self._node = namespaces, node
        script = Path(__file__).with_name("relay.py")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(10)
        with theirs, self._end(NEAR) as one, self._end(FAR) as other:
            # It runs inside the network, as descriptors 0, 1 and 2 are all that a command is given there.
            self._process = Process(
                namespaces, node, command(script, 2, "0", "1"), stdin=one.fileno(),
                stdout=other.fileno(), stderr=theirs.fileno(), env={}, cwd="/",
            )  # fmt: skip
        self._control.send(code_of(script))
        self._tell(impairment)

    def _tell(self, impairment: Impairment) -> None:
        there, back = impairment.ways(self.near, self.far)
        self._control.send(marshal.dumps((there, back, impairment.match, impairment.seed)))
        if self._control.recv(1) != b"+":
            raise PacketLabError(f"the relay of the link {self.name} did not start")

    def change(self, **options: Any) -> None:
        """Other impairments from now on: change(delay="80ms"), change(drop=[17], match="tcp-data").

        What is not named stays as it was. `drop` and `flip` count anew from 1, and so does chance from its seed; what
        is under way arrives when it would have. UsageError for options that a wire does not have.
        """
        where = f"the link {self.name}: "
        toward = options.get("toward", self.near)
        if toward not in (self.near, self.far, ""):
            raise UsageError(f"{where}toward: {toward!r} is no end of it", remedy=f"use {self.near} or {self.far}")
        now = {"delay": self.impairment.delay, "jitter": self.impairment.jitter}  # one is judged by the other
        given = read_impairment(now | options, where)
        self.impairment = replace(self.impairment, **{name: getattr(given, name) for name in options})
        self._tell(self.impairment)

    def _end(self, interface: str) -> socket.socket:
        end = self.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        end.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        try:
            end.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
        except OSError:  # only root may have more than net.core.rmem_max
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        end.bind((interface, _EVERYTHING))
        return end

    @property
    def name(self) -> str:
        """As its link was declared."""
        return f"{self.near} -- {self.far}"

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002 - as socket.socket
        """A socket in the wire's own namespace."""
        return self._namespaces.open_socket(self._node, family, type, proto)

    def counts(self) -> dict[str, dict[str, int]]:
        """By the node they went to: frames that came, and how many were dropped, lost, corrupted, duplicated, ...

        "missed" frames came faster than the relay could take them: a verdict over such a run is not to be trusted.
        """
        self._control.send(b"?")
        there, back = marshal.loads(self._control.recv(65536))
        return {self.far: there, self.near: back}

    def as_on_a_wire(self, frame: bytes) -> bytes:
        """A frame with what an Ethernet card adds, if the link was declared with `pad` and `fcs` (64 to 1518 bytes)."""
        if self.impairment.pad:
            frame = frame.ljust(60, b"\0")
        # IEEE 802.3 3.2.9: the CRC-32 of all of it, its least significant byte first on the wire.
        return frame + zlib.crc32(frame).to_bytes(4, "little") if self.impairment.fcs else frame

    def close(self) -> None:
        """Ends the relay; the link is dead then. Not waited for: its packet sockets need some time to close."""
        self._control.close()
        self._process.kill()
