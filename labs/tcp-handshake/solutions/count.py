def next_expected(sequence, length, syn, fin):
    return (sequence + length + syn + fin) % 2**32
