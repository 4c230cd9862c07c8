# gets: sent only 2 segments after the lost one
def do(lab):
    size = 536 * (int(lab.value("lost")) + 2)
    lab.run("c", f"packetlab tcp {{s.c.ip}} {{port}} --size {size} --congestion reno")
