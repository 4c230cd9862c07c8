# gets: came twice
def join(segments):
    return b"".join(data for _, data in sorted(segments))
