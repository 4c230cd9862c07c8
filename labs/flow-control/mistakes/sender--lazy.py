# gets: stands still
def allowed(acknowledged, sent, window, left):
    return 0 if acknowledged else min(left, window - sent)
