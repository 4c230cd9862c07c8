# gets: Is each piece in it, whole
def join(segments):
    return b"".join(data[:-1] for _, data in sorted(dict(segments).items()))
