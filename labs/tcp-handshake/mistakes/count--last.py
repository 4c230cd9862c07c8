# gets: names the next one
def next_expected(sequence, length, syn, fin):
    return (sequence + length + syn + fin - (length > 0)) % 2**32
