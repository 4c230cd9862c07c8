def allowed(acknowledged, sent, window, left):
    return min(left, acknowledged + window - sent)
