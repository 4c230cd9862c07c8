# gets: A real card would fill the frame up
def answer(lab, ev):
    return {"source": lab.value("h1.mac"), "bytes": 60, "header": 14}
