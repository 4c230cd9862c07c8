# gets: what c sees
def answer(lab, ev):
    return {"client": 2 * int(lab.value("delay")), "server": 2 * int(lab.value("delay"))}
