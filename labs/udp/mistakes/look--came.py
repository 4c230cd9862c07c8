# gets: So many did reach s
def answer(lab, ev):
    return {"field": 1, "lost": len(ev.at("s").all("udp.dstport == {port}")), "back": 3}
