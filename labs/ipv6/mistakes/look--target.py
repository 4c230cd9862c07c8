# gets: Which address does it come from
def answer(lab, ev):
    return {"source": lab.value("h2.local6"), "card": "33:33:ff" + lab.value("h2.mac")[8:], "hops": 255}
