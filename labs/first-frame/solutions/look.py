def answer(lab, ev):
    return {"source": lab.value("h1.mac"), "bytes": 14 + len(lab.value("word")), "header": 14}
