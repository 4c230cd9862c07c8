# gets: Count from 1
def answer(lab, ev):
    return {"segment": int(lab.value("lost")) - 1, "waited": 50}
