# gets: Nothing travels
def answer(lab, ev):
    return {"client": 2 * int(lab.value("delay")), "server": int(lab.value("delay"))}
