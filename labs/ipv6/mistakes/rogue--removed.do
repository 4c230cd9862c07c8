# gets: it has no way there
h1$ ip -6 route del default
