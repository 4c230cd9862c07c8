# gets: Does it end with `return`
def allowed(acknowledged, sent, window, left):
    min(left, acknowledged + window - sent)
