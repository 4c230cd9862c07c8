# gets: units of 8 bytes
def answer(lab, ev):
    return {"second": (int(lab.value("small")) - 20) // 8, "more": 2}
