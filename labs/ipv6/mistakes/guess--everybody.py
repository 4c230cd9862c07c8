# gets: nobody else needs the answer
from ipaddress import IPv6Address


def answer(lab, ev):
    last = int(IPv6Address(lab.value("h2.ip6"))) & 0xFFFFFF
    card = bytes.fromhex(f"3333ff{last:06x}").hex(":")
    right = int(IPv6Address("ff02::1:ff00:0")) + last
    return {"group": IPv6Address(right), "card": card, "answer": "everybody"}
