# gets: is sent again
def answer(lab, ev):
    return {"offset": 2896, "times": 1}
