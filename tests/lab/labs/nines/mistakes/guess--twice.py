# gets: subtracted twice
def answer(lab, ev):
    return {"serial": 20 - int(lab.value("first")) - int(lab.value("second")), "parallel": 20 - int(lab.value("both"))}
