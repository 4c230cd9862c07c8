# gets: the MAC address of s
def answer(lab, ev):
    delay = int(lab.value("delay"))
    return {"first": 2 * delay, "second": 2 * delay}
