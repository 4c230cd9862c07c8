"""TCP streams: what the two sides of each connection said, in order, with gaps shown."""

from packetlab.analysis.streams.conversation import Stream, StreamChunk, follow, streams
from packetlab.analysis.streams.reader import Closed, Data, Event, Missing, Opened, StreamReader, events
from packetlab.analysis.streams.reassembly import Piece, Reassembly

__all__ = ["Closed", "Data", "Event", "Missing", "Opened", "Piece", "Reassembly", "Stream", "StreamChunk",
           "StreamReader", "events", "follow", "streams"]  # fmt: skip
