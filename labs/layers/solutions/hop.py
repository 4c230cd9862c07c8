def answer(lab, ev):
    here, there = (ev.at(host).all("tcp.dstport == 443 && tcp.len > 0") for host in ("c", "shop"))
    pairs = zip(here[0].data[14:34], there[0].data[14:34], strict=True) if here and there else ()
    return {"same": "transport", "changed": sum(one != two for one, two in pairs)}
