# gets: forgot that a SYN
def next_expected(sequence, length, syn, fin):
    return (sequence + length + fin) % 2**32
