# gets: n translates it once more
def answer(lab, ev):
    sent = ev.at("b").all("udp && ip.src == {b.ip} && udp.srcport == {own}")[-1]
    came = [seen for seen in ev.at("s").all("udp && ip.src == {n.net.ip}") if seen.data[42:] == sent.data[42:]][-1]
    port = int.from_bytes(came.data[34:36], "big")
    return {"port": port, "ttl": came.data[22], "back": port}
