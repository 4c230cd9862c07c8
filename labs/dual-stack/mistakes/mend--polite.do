# gets: more polite than silence
r$ ip -6 route del {s.ip6}
r$ ip -6 route add unreachable {s.ip6}
