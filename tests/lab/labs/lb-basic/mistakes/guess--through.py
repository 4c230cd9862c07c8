# gets: lb has another one with s1
def answer(lab, ev):
    return {"first": -(-int(lab.value("count")) // 3), "seen": "c"}
