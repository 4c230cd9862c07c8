def join(segments):
    pieces = dict(segments)
    return b"".join(pieces[number] for number in sorted(pieces))
