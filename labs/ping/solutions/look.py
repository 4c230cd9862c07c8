def answer(lab, ev):
    seen = ev.at("c").all("icmp.type == 8 && ip.src == {c.ip}")
    identifier = int.from_bytes(seen[-1].data[38:40], "big") if seen else 1
    return {"identifier": identifier, "bytes": int(lab.value("size")) + 8}
