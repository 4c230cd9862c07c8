# gets: The ICMP header has 8 bytes more
def answer(lab, ev):
    asked = ev.at("c").all("icmp.type == 8")
    return {"identifier": int.from_bytes(asked[-1].data[38:40], "big") if asked else 1, "bytes": lab.value("size")}
