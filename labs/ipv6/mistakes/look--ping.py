# gets: Look at a neighbour solicitation
def answer(lab, ev):
    return {"source": lab.value("h1.local6"), "card": "33:33:ff" + lab.value("h2.mac")[8:], "hops": 64}
