# gets: bytes are left to send
def allowed(acknowledged, sent, window, left):
    return acknowledged + window - sent
