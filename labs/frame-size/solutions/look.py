def answer(lab, ev):
    cable = ev.at("tap").first("eth.type == 0x88b6")
    padding = 46 - int(lab.value("tiny"))
    return {"padding": padding, "fcs": cable.data[-4:].hex(), "same": "yes"}
