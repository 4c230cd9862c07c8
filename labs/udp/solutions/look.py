def answer(lab, ev):
    from itertools import pairwise

    from packetlab.transport.udp import UDP

    sent = {seen[UDP].length for seen in ev.at("c").all("udp.dstport == {port}")}
    came = [seen[UDP].length for seen in ev.at("s").all("udp.dstport == {port}")]
    back = sum(length < before for before, length in pairwise(came))
    return {"field": max(came, default=99), "lost": len(sent - set(came)), "back": back}
