# gets: threw away what was carried
def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    return (total & 0xFFFF) ^ 0xFFFF
