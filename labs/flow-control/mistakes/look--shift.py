# gets: That is the shift
def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    if not ev.at("c").all("tcp.flags.syn == 1"):
        return {"factor": 3, "full": 5}
    agreed = ev.at("c").first("tcp.flags.syn == 1 && tcp.srcport == {port}")
    return {"factor": next(option.shift for option in agreed[TCP].options if hasattr(option, "shift")), "full": 1}
