def answer(lab, ev):
    delay = int(lab.value("delay"))
    return {"first": 4 * delay, "second": 2 * delay}
