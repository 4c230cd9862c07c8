"""One pass over a capture for a table: its chunks, which packets a filter chose, damage, and how far it came."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.plan import Column
from packetlab.capture.damage import DamageList
from packetlab.capture.index import Chunk, chunks
from packetlab.capture.source import CapturePath


@dataclass(slots=True)
class Reading:
    """What a table is made of."""

    source: CapturePath | BinaryIO
    where: Filter | None = None
    advance: Callable[[float], None] = lambda part: None
    """Told now and then how much has been read, from 0 to 1."""
    damage: DamageList = field(default_factory=DamageList)
    """Damage met by `chunks`, complete at their end."""
    is_whole: bool = False
    """Whether `chunks` came to the end."""

    def chunks(self) -> Iterator[tuple[Chunk, Column | None, int]]:
        """Each chunk with packets, a mask of the chosen ones (None: all), and the time of the first packet."""
        first_time: int | None = None
        with chunks(self.source) as index:
            size = index._source.regular_size if index._source.plain_file is not None else None
            for chunk in index:
                if not len(chunk):
                    continue
                first_time = int(chunk.packets.time[0]) if first_time is None else first_time
                yield chunk, None if self.where is None else self.where.select(chunk, first_time), first_time
                if size:
                    self.advance((chunk.base + len(chunk.data)) / size)
            self.damage.take(index.damage)
            self.is_whole = True
