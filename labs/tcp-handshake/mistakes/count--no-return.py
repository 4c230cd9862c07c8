# gets: Does it end with `return`
def next_expected(sequence, length, syn, fin):
    (sequence + length + syn + fin) % 2**32
