def answer(lab, ev):
    seen = ev.at("c").all("tcp.dstport == 443 && tcp.len > 0")
    if not seen:
        return {"internet": 14, "transport": 34, "tls": 54, "length": 0}
    start = seen[0].packet.spans[3].start
    length = int.from_bytes(seen[0].data[start + 3 : start + 5], "big")
    return {"internet": 14, "transport": 34, "tls": start, "length": length}
