# gets: only if the segments come in order
def join(segments):
    return b"".join(data for _, data in segments)
