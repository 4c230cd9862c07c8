# gets: That is the raw number
def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    full = ev.at("c").all("tcp.window_size_value == 0 && tcp.srcport == {port}")
    return {"factor": 99, "full": full[0][TCP].acknowledgment if full else 5}
