# gets: That one connected first
def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    hellos = ev.at("s").all("tcp.dstport == {port} && tcp.flags.syn == 1")
    return {"differ": "client-port", "spoke": hellos[0][TCP].src_port if hellos else 40000}
