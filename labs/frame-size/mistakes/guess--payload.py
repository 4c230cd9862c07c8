# gets: That is the payload alone
def answer(lab, ev):
    tiny = int(lab.value("tiny"))
    return {"leaves": tiny, "cable": 64, "arrives": 60, "full": 1518}
