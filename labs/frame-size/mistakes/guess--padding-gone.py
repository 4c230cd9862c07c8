# gets: the padding stays
def answer(lab, ev):
    tiny = int(lab.value("tiny"))
    return {"leaves": 14 + tiny, "cable": 64, "arrives": 14 + tiny, "full": 1518}
