# gets: So many did reach s
def answer(lab, ev):
    from packetlab.transport.udp import UDP

    came = [seen[UDP].length for seen in ev.at("s").all("udp.dstport == {port}")]
    return {"field": max(came, default=99), "lost": len(came), "back": 3}
