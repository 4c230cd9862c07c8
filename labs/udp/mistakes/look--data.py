# gets: counts the 8 bytes of the header
def answer(lab, ev):
    from packetlab.transport.udp import UDP

    came = [seen[UDP].length - 8 for seen in ev.at("s").all("udp.dstport == {port}")]
    return {"field": max(came, default=99), "lost": 3, "back": 3}
