# gets: The ICMP header has 8 bytes more
def answer(lab, ev):
    return {"identifier": 1, "bytes": lab.value("size")}
