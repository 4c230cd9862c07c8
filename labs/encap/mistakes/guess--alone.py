# gets: do not travel alone
def answer(lab, ev):
    size = int(lab.value("size"))
    return {"frame": size + 0, "offset": 0, "length": size + 0}
