# gets: the card pads it
def answer(lab, ev):
    tiny = int(lab.value("tiny"))
    return {"leaves": 14 + tiny, "cable": 18 + tiny, "arrives": 14 + tiny, "full": 1518}
