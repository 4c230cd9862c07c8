# gets: from your datagram over IPv6
def answer(lab, ev):
    from packetlab.transport.udp import UDP

    sent = ev.at("c").all("udp && !icmpv6 && ipv6.src == {c.ip6} && udp.dstport == {shut}")
    return {"code": 3, "code6": 4, "own": sent[0][UDP].src_port if sent else 40000}
