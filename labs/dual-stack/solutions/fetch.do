c$ packetlab http http://www.{site}.test/
