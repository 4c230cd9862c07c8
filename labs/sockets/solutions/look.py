def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    said = ev.at("s").all("tcp.dstport == {port} && tcp.len > 0")
    return {"differ": "client-port", "spoke": said[0][TCP].src_port if said else 40000}
