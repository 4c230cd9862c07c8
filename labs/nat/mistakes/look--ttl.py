# gets: 64 is what b wrote
def answer(lab, ev):
    sent = ev.at("b").all("udp && ip.src == {b.ip} && udp.srcport == {own}")[-1]
    came = [seen for seen in ev.at("s").all("udp && ip.src == {n.net.ip}") if seen.data[42:] == sent.data[42:]][-1]
    return {"port": int.from_bytes(came.data[34:36], "big"), "ttl": 64, "back": lab.value("own")}
