# gets: and the FCS behind
def answer(lab, ev):
    tiny = int(lab.value("tiny"))
    return {"leaves": 14 + tiny, "cable": 64, "arrives": 60, "full": 1514}
