# gets: one rule for the other
def answer(lab, ev):
    x, y = int(lab.value("x")), lab.value("y")
    return {"four": f"33:33:ef:01:02:{x:02x}", "six": f"01:00:5e:01:{y[:2]}:{y[2:]}", "h3": "yes"}
