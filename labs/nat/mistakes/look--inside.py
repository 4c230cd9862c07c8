# gets: that of a at s
def answer(lab, ev):
    sent = ev.at("b").all("udp && ip.src == {b.ip} && udp.srcport == {own}")[-1]
    hello = ev.at("b").all("tcp.flags == 0x02 && ip.src == {b.ip}")[-1]
    came = [seen for seen in ev.at("s").all("udp && ip.src == {n.net.ip}") if seen.data[42:] == sent.data[42:]][-1]
    opened = [seen for seen in ev.at("s").all("tcp.flags == 0x02") if seen.data[38:42] == hello.data[38:42]][-1]
    ports = {"udp": int.from_bytes(came.data[34:36], "big"), "tcp": int.from_bytes(opened.data[34:36], "big")}
    return {"udp": lab.value("own"), "tcp": ports["udp"], "back": lab.value("own")}
