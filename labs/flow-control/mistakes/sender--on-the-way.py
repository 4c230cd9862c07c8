# gets: is in it
def allowed(acknowledged, sent, window, left):
    return min(left, window)
