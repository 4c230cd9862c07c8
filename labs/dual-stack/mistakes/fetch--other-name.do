# gets: The page is at www
c$ packetlab http http://new.{site}.test/
