"""The display filter: Wireshark's language over packetlab's declarations.

    parse("tcp.port == 80 && !(ip.src in {10.0.0.0/8})")

gives a Filter that tells of one packet (`matches`) or of a whole chunk of a capture (`select`) whether it
holds. Field names are Wireshark's and packetlab's own.
"""

from packetlab.analysis.filter.compiled import Filter, parse

__all__ = ["Filter", "parse"]
