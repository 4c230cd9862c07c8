def answer(lab, ev):
    from packetlab.transport.udp import UDP

    sent = ev.at("c").all("udp && !icmp && ip.src == {c.ip} && udp.dstport == {shut}")
    return {"code": 3, "code6": 4, "own": sent[0][UDP].src_port if sent else 40000}
