# gets: The question before it went to a group
def answer(lab, ev):
    return {"source": lab.value("h1.local6"), "card": lab.value("h2.mac"), "hops": 255}
