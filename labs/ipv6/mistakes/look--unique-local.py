# gets: the source of the other ping
def answer(lab, ev):
    return {"source": lab.value("h1.ip6"), "card": "33:33:ff" + lab.value("h2.mac")[8:], "hops": 255}
