"""Showing packets: layers, bytes, RFC figure, ladder, explanation; as text, rich renderable, JSON and HTML.

Every view is a `View` (or `Block`): `str(view)` is plain text of 80 columns, rich can print it, a notebook
shows it, and `print_to_terminal(view)` chooses colour and width. Importing this costs little; rich is
imported when a terminal wants colour.
"""

import importlib

from packetlab.model.packet import Packet
from packetlab.show.block import Block, View, blank, print_to_terminal, stacked, text_view
from packetlab.show.bytes import bytes_view
from packetlab.show.data import as_dict, frame_dict
from packetlab.show.explain import explain, explain_name
from packetlab.show.figure import figure
from packetlab.show.ladder import ladder
from packetlab.show.layers import layers
from packetlab.show.relative import RelativeNumbers
from packetlab.show.safe import safe_text
from packetlab.show.summary import endpoints, summary
from packetlab.show.view import look

importlib.import_module("packetlab.show.summary_application")  # registers its lines

__all__ = [
    "Block",
    "RelativeNumbers",
    "View",
    "as_dict",
    "blank",
    "bytes_view",
    "endpoints",
    "explain",
    "explain_name",
    "figure",
    "frame_dict",
    "ladder",
    "layers",
    "look",
    "print_to_terminal",
    "safe_text",
    "stacked",
    "summary",
    "text_view",
]


def _packet_html(packet: Packet) -> str:
    return layers(packet)._repr_html_()


# How a notebook shows a packet; the model itself knows nothing of showing.
Packet._repr_html_ = _packet_html  # type: ignore[attr-defined]
