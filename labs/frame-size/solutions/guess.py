def answer(lab, ev):
    return {"leaves": 14 + int(lab.value("tiny")), "cable": 64, "arrives": 60, "full": 1518}
