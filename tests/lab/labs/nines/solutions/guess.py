def answer(lab, ev):
    first, second, both = (int(lab.value(each)) for each in ("first", "second", "both"))
    return {"serial": 20 - first - second + both, "parallel": 20 - both}
