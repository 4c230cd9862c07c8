def answer(lab, ev):
    from packetlab.internet.ipv4 import IPv4
    from packetlab.model.checksum import ones_complement_sum
    from packetlab.transport.tcp import TCP

    def is_damaged(seen):
        part = seen.data[34 : 14 + seen[IPv4].total_length]
        return ones_complement_sum(seen.data[26:34] + b"\0\x06" + len(part).to_bytes(2) + part) != 0xFFFF

    data = ev.at("h2").all("tcp.dstport == {sink} && tcp.len > 0")
    damaged = [seen for seen in data if is_damaged(seen)]
    if not damaged or not ev.at("h2").all("tcp.flags.syn == 1"):
        return {"offset": 5, "times": 3}
    hello = ev.at("h2").first("tcp.flags.syn == 1 && tcp.dstport == {sink}")
    place = damaged[0][TCP].sequence
    same = [seen for seen in data if seen[TCP].sequence == place]
    return {"offset": (place - hello[TCP].sequence - 1) % 2**32, "times": len(same)}
