# gets: You counted the data alone
def answer(lab, ev):
    return {"source": lab.value("h1.mac"), "bytes": len(lab.value("word")), "header": 14}
