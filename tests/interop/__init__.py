"""Property tests against other libraries: the same bytes built, the same fields read."""
