"""Flows: who talked to whom, in both directions, at one layer of a capture.

A flow is an unordered pair of endpoints: addresses, and ports where the layer has them. Each chunk of the capture
is read as columns (columns.py), endpoints become numbers (flow_keys.py), and packets are added to a table of
growing arrays (flow_counts.py): a few array operations per packet, and memory that grows with flows, not packets.
TCP connections that use addresses and ports again are told apart as Wireshark does (flow_spells.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from packetlab.analysis.columns import Scan
from packetlab.analysis.community_id import community_id
from packetlab.analysis.filter import Filter
from packetlab.analysis.flow_counts import ACK, FIN, MAX_FLOWS, RST, SYN, FlowCounts, new_secret
from packetlab.analysis.flow_fragments import CLASSES, Fragments, fragments_in
from packetlab.analysis.flow_keys import Ends, Layer, header_classes
from packetlab.analysis.flow_spells import append_counts, connections
from packetlab.analysis.parallel import Told, gather
from packetlab.analysis.plan import Column
from packetlab.capture.index import Chunk
from packetlab.capture.source import CapturePath
from packetlab.model.addresses import ip_text, mac_text

__all__ = ["MAX_FLOWS", "Flow", "FlowCollector", "FlowTable", "Layer", "flows"]

_MAY_MISS = ("handshake_answer", "handshake_rtt", "retransmissions_ab", "retransmissions_ba", "data_rtt_ab",
             "data_rtt_ba")  # fmt: skip
_PROTOCOL_NUMBERS = {"tcp": 6, "udp": 17}


@dataclass(slots=True)
class Flow:
    """One conversation; A is the endpoint that sent the first packet."""

    layer: Layer
    a: bytes
    b: bytes
    a_port: int
    """-1 at layers without ports."""
    b_port: int
    packets_ab: int = 0
    packets_ba: int = 0
    bytes_ab: int = 0
    """On the wire, link-layer headers included."""
    bytes_ba: int = 0
    first: int = 0
    """Time of the first packet, nanoseconds since 1970."""
    last: int = 0
    flags_ab: int = 0
    """TCP flags that A ever set."""
    flags_ba: int = 0
    first_packet: int = 0
    """Number of the first packet in the capture."""
    handshake_answer: int | None = None
    """TCP: nanoseconds from the SYN (the last before the answer) to the SYN-ACK: as a rule the way to the server."""
    handshake_rtt: int | None = None
    """TCP: nanoseconds from that SYN to the ACK of the SYN-ACK: the whole way as seen from any point of it."""
    retransmissions_ab: int | None = None
    """Segments that A sent again. This and what follows only after flow_sequences.add_sequences."""
    retransmissions_ba: int | None = None
    data_rtt_ab: int | None = None
    """Nanoseconds from a segment of A to its acknowledgement, on average, as seen where the capture was made."""
    data_rtt_ba: int | None = None

    @property
    def packets(self) -> int:
        return self.packets_ab + self.packets_ba

    @property
    def bytes(self) -> int:
        return self.bytes_ab + self.bytes_ba

    @property
    def duration(self) -> int:
        """Nanoseconds between the first and the last packet."""
        return self.last - self.first

    @property
    def state(self) -> str:
        """TCP: how far the connection came, by the flags that were seen; "" at other layers.

        `syn sent`, `refused` (the SYN was answered by RST), `syn answered`, `open`, `half closed` (one FIN),
        `closed` (two), `reset`.
        """
        if self.layer != "tcp":
            return ""
        both = self.flags_ab | self.flags_ba
        if both & RST:
            return "refused" if self.flags_ab & SYN and not self.flags_ba & SYN and self.flags_ba & RST else "reset"
        if self.flags_ab & FIN and self.flags_ba & FIN:
            return "closed"
        if both & FIN:
            return "half closed"
        if both & SYN and not (self.flags_ab & SYN and self.flags_ba & SYN):
            return "syn sent" if not both & ACK else "open" if self.handshake_rtt is not None else "syn answered"
        if both & SYN and self.handshake_rtt is None:
            return "syn answered"
        return "open"

    def endpoint(self, which: str) -> str:
        """An endpoint, "a" or "b", as text: 10.0.0.1:80, [2001:db8::1]:80, 02:00:00:00:00:01."""
        address, port = (self.a, self.a_port) if which == "a" else (self.b, self.b_port)
        text = mac_text(address) if len(address) == 6 else ip_text(address)
        if port < 0:
            return text
        return f"[{text}]:{port}" if len(address) == 16 else f"{text}:{port}"

    def community_id(self, seed: int = 0) -> str:
        """The flow's Community ID (community_id.py); "" at layers without ports."""
        number = _PROTOCOL_NUMBERS.get(self.layer)
        return community_id(self.a, self.b, number, self.a_port, self.b_port, seed) if number else ""


class FlowTable:
    """All flows of one layer, in the order of their first packets. Flows are made when they are looked at."""

    def __init__(self, layer: Layer, counts: FlowCounts, told: Told) -> None:
        self.layer = layer
        self.told = told
        """What the capture says besides its packets: damage, interfaces ..."""
        spells, chosen = counts.spells, connections(counts)
        self.packets: int = counts.packets
        """Packets that belong to some flow (in tunnels they are counted once per header)."""
        self.other_packets: int = counts.other_packets
        """Packets of flows beyond MAX_FLOWS."""
        sender = spells.sender[chosen].astype(np.int64)
        ab, ba = chosen * 2 + sender, chosen * 2 + 1 - sender
        keys = counts.keys[spells.key[chosen]].reshape(-1, 2, 20)
        rows = np.arange(len(chosen))
        self.columns: dict[str, Column] = {
            "a": keys[rows, sender], "b": keys[rows, 1 - sender],
            "packets_ab": spells.packets[ab], "packets_ba": spells.packets[ba],
            "bytes_ab": spells.bytes[ab], "bytes_ba": spells.bytes[ba],
            "first": spells.first[chosen], "last": spells.last[chosen],
            "first_packet": spells.number[chosen],
        }  # fmt: skip
        """Per flow: endpoints as (flows, 20) bytes (address 16, port 2, its length 1, 0), counts, times, numbers."""
        if counts.tcp:
            answered = (spells.answer_number[chosen] > 0) & (spells.flags[ab] & SYN > 0)
            syn_from_a = spells.begins_with_syn[chosen] & (spells.answer_sender[chosen] != sender)
            answer = np.where(answered & syn_from_a, spells.answer_time[chosen] - spells.syn_time[chosen], -1)
            done = (spells.ack_number[ab] > spells.answer_number[chosen]) & (answer >= 0)
            self.columns |= {
                "flags_ab": spells.flags[ab], "flags_ba": spells.flags[ba], "handshake_answer": answer,
                "handshake_rtt": np.where(done, spells.ack_time[ab] - spells.syn_time[chosen], -1),
            }  # fmt: skip

    @property
    def flows(self) -> list[Flow]:
        """All of them as objects."""
        return list(self)

    def __iter__(self) -> Iterator[Flow]:
        return (self[row] for row in range(len(self)))

    def __len__(self) -> int:
        return len(self.columns["first"])

    def __getitem__(self, row: int) -> Flow:
        plain: dict[str, Any] = {name: int(values[row]) for name, values in self.columns.items() if values.ndim == 1}
        for name in _MAY_MISS:
            if plain.get(name, -1) < 0:
                plain[name] = None
        (a, a_port), (b, b_port) = self._endpoint("a", row), self._endpoint("b", row)
        return Flow(self.layer, a, b, a_port, b_port, **plain)

    def _endpoint(self, which: str, row: int) -> tuple[bytes, int]:
        packed = self.columns[which][row].tobytes()
        port = int.from_bytes(packed[16:18], "big") if self.layer in _PROTOCOL_NUMBERS else -1
        return packed[: packed[18]], port


def flows(
    source: CapturePath | BinaryIO,
    layer: Layer = "tcp",
    where: Filter | None = None,
    *,
    fragments: bool = True,
    processes: int | None = None,
    advance: Callable[[float], None] | None = None,
) -> FlowTable:
    """The flows of a capture at one layer, of the packets for which the filter `where` holds.

    `fragments`: at layers with ports, count IP fragments behind the first with the flow of their packet. `processes`
    and `advance` as in parallel.gather.
    """
    secret = new_secret()

    def make() -> FlowCollector:
        return FlowCollector(layer, secret, fragments=fragments)

    collector, told = gather(source, make, where, processes=processes, advance=advance)
    return collector.table(told)


class FlowCollector:
    """Gathers the flows of chunk after chunk."""

    def __init__(self, layer: Layer, secret: tuple[int, int] | None = None, *, fragments: bool = True) -> None:
        self.layer: Layer = layer
        self.fragments = Fragments() if fragments and layer in _PROTOCOL_NUMBERS else None
        self.counts = FlowCounts(layer == "tcp", secret)
        self.classes = header_classes(layer)

    def add(self, chunk: Chunk, chosen: Column | None = None, scan: Scan | None = None) -> None:
        """Count the packets of a chunk, or the `chosen` ones (a boolean per packet).

        `scan`: a scan of the chunk that visited the layer's headers.
        """
        visited = (*self.classes, *(CLASSES if self.fragments else ()))
        scan = scan or Scan(chunk, (), visited=visited, quoted=False)
        ends = Ends(scan, self.layer, self.counts.secret, chosen)
        batch, spells = None, None
        if len(ends.rows):
            batch = ends.batch(chunk)
            spells = self.counts.add(batch, ends.keys)
        if self.fragments is None or not (found := fragments_in(scan, chosen, _PROTOCOL_NUMBERS[self.layer])):
            return
        firsts: dict[int, tuple[int, int]] = {}
        if batch is not None and spells is not None:
            mine = np.isin(ends.rows, [one[0] for one in found if one[2]]) & (spells >= 0)
            known = zip(spells[mine].tolist(), batch.direction[mine].tolist(), strict=True)
            firsts = dict(zip(ends.rows[mine].tolist(), known, strict=True))
        self.counts.count_fragments(self.fragments.read(found, chunk.packets, firsts))

    def append(self, other: "FlowCollector", packets_before: int) -> None:
        """Count what another has counted of the packets behind these."""
        spells = append_counts(self.counts, other.counts, packets_before)
        if self.fragments is not None and other.fragments is not None:
            self.counts.count_fragments(self.fragments.append(other.fragments, spells))

    def table(self, told: Told | None = None) -> FlowTable:
        """What was gathered. Nothing can be added behind it."""
        if self.fragments is not None:
            self.counts.count_fragments(self.fragments.finish())
        return FlowTable(self.layer, self.counts, told or Told())
