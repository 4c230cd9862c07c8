# gets: nothing at all
