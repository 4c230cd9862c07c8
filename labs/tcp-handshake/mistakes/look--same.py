# gets: names the next one
def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    seen = ev.at("c").all("tcp.flags == 0x02 && tcp.dstport == {port}")
    start = seen[0][TCP].sequence if seen else 5
    return {"start": start, "ack": start}
