# gets: asked nobody for it
c$ packetlab http http://[{s.ip6}]/
