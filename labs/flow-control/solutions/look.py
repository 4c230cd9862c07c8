def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    if not ev.at("c").all("tcp.flags.syn == 1"):
        return {"factor": 3, "full": 5}
    hello = ev.at("c").last("tcp.flags.syn == 1 && tcp.dstport == {port}")
    theirs = f"tcp.srcport == {{port}} && tcp.dstport == {hello[TCP].src_port}"
    agreed = ev.at("c").first(f"{theirs} && tcp.flags.syn == 1")
    full = ev.at("c").first(f"{theirs} && tcp.window_size_value == 0 && tcp.flags.reset == 0")
    shift = next(option.shift for option in agreed[TCP].options if hasattr(option, "shift"))
    return {"factor": 2**shift, "full": (full[TCP].acknowledgment - hello[TCP].sequence - 1) % 2**32}
