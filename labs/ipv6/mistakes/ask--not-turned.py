# gets: did not turn the bit
def do(lab):
    mac = lab.value("h2.mac").replace(":", "")
    lab.ping("h1", "{h2.ip6}")
    lab.ping("h1", f"fe80::{mac[:4]}:{mac[4:6]}ff:fe{mac[6:8]}:{mac[8:]}%eth0", timeout=0.05)
