def answer(lab, ev):
    return {"last": lab.value(("s3.ip", "s1.ip", "s2.ip")[int(lab.value("count")) % 3])}
