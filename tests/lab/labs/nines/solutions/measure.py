def answer(lab, ev):
    up, dark = int(lab.value("up")), int(lab.value("dark"))
    return {"availability": round(100 * 4 * up / (4 * up + dark))}
