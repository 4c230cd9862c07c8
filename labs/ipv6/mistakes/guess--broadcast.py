# gets: IPv6 does not use the broadcast
from ipaddress import IPv6Address


def answer(lab, ev):
    last = int(IPv6Address(lab.value("h2.ip6"))) & 0xFFFFFF
    right = int(IPv6Address("ff02::1:ff00:0")) + last
    return {"group": IPv6Address(right), "card": "ff:ff:ff:ff:ff:ff", "answer": "h1"}
