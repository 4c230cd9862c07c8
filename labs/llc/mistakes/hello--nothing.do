# gets: sent nothing yet
