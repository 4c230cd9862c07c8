# gets: That is where the frame goes
def answer(lab, ev):
    return {"source": lab.value("h2.mac"), "bytes": 14 + len(lab.value("word")), "header": 14}
