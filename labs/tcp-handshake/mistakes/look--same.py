# gets: names the next one
def answer(lab, ev):
    from packetlab.transport.tcp import TCP

    # `ev` holds the frames of this step, of which there are none: those of `talk` are asked for.
    frames = lab.frames_of.get("talk")
    seen = lab._evidence(*frames).at("c").all("tcp.flags == 0x02 && tcp.dstport == {port}") if frames else []
    start = seen[0][TCP].sequence if seen else 5
    return {"start": start, "ack": start}
