# gets: the FCS of 4 bytes behind them
def answer(lab, ev):
    tiny = int(lab.value("tiny"))
    return {"leaves": 14 + tiny, "cable": 60, "arrives": 60, "full": 1514}
