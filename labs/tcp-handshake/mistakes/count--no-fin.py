# gets: forgot that a FIN
def next_expected(sequence, length, syn, fin):
    return (sequence + length + syn) % 2**32
