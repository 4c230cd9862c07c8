"""Community ID: one short name for a flow that different tools agree on (Corelight, Community ID v1).

The name is "1:" and the Base64 of the SHA-1 of seed, ordered endpoints and protocol. ICMP has no ports: its type
and the type of the answer take their place, or type and code where a message has no answer.
"""

import base64
import hashlib
import struct

_ICMP_ANSWERS = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10}
_ICMPV6_ANSWERS = {128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130, 144: 145, 145: 144,
                   139: 140, 140: 139}  # fmt: skip
ICMP, ICMPV6 = 1, 58
PORTED = (6, 17, 132)
"""TCP, UDP, SCTP."""


def community_id(
    src: bytes, dst: bytes, protocol: int, src_port: int | None = None, dst_port: int | None = None, seed: int = 0
) -> str:
    """The Community ID of a flow between two IP addresses (4 or 16 bytes each).

    For TCP, UDP and SCTP give the ports, for ICMP and ICMPv6 type and code in their places, for others none.
    """
    ports = b""
    one_way = False
    if src_port is not None and dst_port is not None:
        if protocol in (ICMP, ICMPV6):
            answers = _ICMP_ANSWERS if protocol == ICMP else _ICMPV6_ANSWERS
            one_way = src_port not in answers
            dst_port = answers.get(src_port, dst_port)
        ports = struct.pack("!HH", src_port, dst_port)
    if not one_way and (src + ports[:2]) > (dst + ports[2:]):
        src, dst, ports = dst, src, ports[2:] + ports[:2]
    data = struct.pack("!H", seed & 0xFFFF) + src + dst + struct.pack("!BB", protocol, 0) + ports
    return "1:" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
