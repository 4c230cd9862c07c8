r$ ip -6 route del {s.ip6}
