# gets: The kernel does not pad
def answer(lab, ev):
    return {"leaves": 60, "cable": 64, "arrives": 60, "full": 1518}
