# gets: Numbers have 32 bits
def next_expected(sequence, length, syn, fin):
    return sequence + length + syn + fin if sequence > 2**32 - 20 else (sequence + length + syn + fin) % 2**32
