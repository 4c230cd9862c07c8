# gets: forgot the data
def next_expected(sequence, length, syn, fin):
    return (sequence + syn + fin) % 2**32
