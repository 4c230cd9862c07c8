# gets: that is the question
def answer(lab, ev):
    return {"group": lab.value("h2.ip6"), "card": lab.value("h2.mac"), "answer": "h1"}
