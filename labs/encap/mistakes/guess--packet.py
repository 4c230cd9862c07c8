# gets: That is the IP packet
def answer(lab, ev):
    size = int(lab.value("size"))
    return {"frame": size + 28, "offset": 28, "length": size + 8}
