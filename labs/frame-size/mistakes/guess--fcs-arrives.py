# gets: its kernel never sees it
def answer(lab, ev):
    tiny = int(lab.value("tiny"))
    return {"leaves": 14 + tiny, "cable": 64, "arrives": 64, "full": 1518}
