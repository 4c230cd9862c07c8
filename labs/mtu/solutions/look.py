def answer(lab, ev):
    return {"second": (int(lab.value("small")) - 20) // 8 * 8, "more": 2}
