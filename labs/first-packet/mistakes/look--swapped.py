# gets: the wrong way round
def answer(lab, ev):
    from packetlab.transport.udp import UDP

    # `ev` holds the frames of this step, of which there are none: those of `speak` are asked for.
    frames = lab.frames_of.get("speak")
    seen = lab._evidence(*frames).at("c").all("ip.src == {c.ip} && udp.dstport == {port}") if frames else []
    own = seen[0][UDP].src_port if seen else 5
    return {"service": own, "own": int(lab.value("port"))}
