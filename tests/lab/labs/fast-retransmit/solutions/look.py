def answer(lab, ev):
    repeat = ev.at("c").connections("tcp.dstport == {port}")[0].there.repeats()[0]
    return {"segment": lab.value("lost"), "waited": round(repeat.waited / 1e6)}
