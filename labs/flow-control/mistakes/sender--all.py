# gets: Mind the window
def allowed(acknowledged, sent, window, left):
    return left
