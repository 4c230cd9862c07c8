# gets: the way there
def answer(lab, ev):
    delay = int(lab.value("delay"))
    return {"first": 2 * delay, "second": 1 * delay}
