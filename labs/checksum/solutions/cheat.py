def do(lab):
    """As packetlab send 'IPv4(...) / UDP(src_port={from}, dst_port={port}) / "the last two letters in front"'."""
    from packetlab.internet.ipv4 import IPv4
    from packetlab.link.ethernet import Ethernet
    from packetlab.transport.udp import UDP

    word = lab.value("token")
    head = Ethernet(src=lab.value("h1.mac"), dst=lab.value("h2.mac"))
    head /= IPv4(src=lab.value("h1.ip"), dst=lab.value("h2.ip"))
    udp = UDP(src_port=int(lab.value("from")), dst_port=int(lab.value("port")))
    lab.device("h1").send(head / udp / (word[6:] + word[:6]))
