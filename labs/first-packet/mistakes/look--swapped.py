# gets: the wrong way round
def answer(lab, ev):
    from packetlab.transport.udp import UDP

    seen = ev.at("c").all("ip.src == {c.ip} && udp.dstport == {port}")
    own = seen[0][UDP].src_port if seen else 5
    return {"service": own, "own": int(lab.value("port"))}
