"""Display filters that are held against tshark: every protocol, operator, function and kind of value.

One expression a line. All of them are in the language of Wireshark 4.0, of which
`xor` and `@` are not; those it refuses are not compared.
"""

_ALL = """
eth
ip
tcp
udp
ip && tcp
ip and not tcp
tcp || udp
!ip
not (tcp or udp)
ip.version == 4
ip.hdr_len == 20
ip.hdr_len > 20
ip.len == 40
ip.len > 1000
ip.len <= 100
ip.len < 100 and tcp
ip.id == 0
ip.id != 0
ip.flags.df == 1
ip.flags.df == 0
ip.flags.mf == 1
ip.flags.mf
ip.flags.rb == 0
ip.frag_offset > 0
ip.frag_offset == 0
ip.ttl == 64
ip.ttl < 64
ip.ttl > 64
ip.ttl in {64, 128, 255}
ip.ttl in {1..63}
ip.ttl in {1, 2, 100..200}
ip.ttl >= 100 && ip.ttl <= 130
ip.proto == 6
ip.proto == 17
ip.proto == 0x11
ip.proto in {6, 17}
ip.proto != 6
ip.dsfield.dscp == 0
ip.dsfield.dscp > 0
ip.dsfield.ecn == 0
ip.checksum == 0
ip.checksum > 0x7fff
ip.src == 10.0.0.0/8
ip.dst == 10.0.0.0/8
ip.addr == 10.0.0.0/8
ip.addr == 192.168.0.0/16
ip.addr != 192.168.0.0/16
!(ip.addr == 192.168.0.0/16)
ip.src == 192.168.1.0/24
ip.src != 192.168.1.0/24
ip.dst == 255.255.255.255
ip.dst == 224.0.0.0/4
ip.dst >= 224.0.0.0
ip.src < 128.0.0.0
ip.src in {10.0.0.0/8, 192.168.0.0/16, 172.16.0.0/12}
ip.src in {10.0.0.1..10.0.0.200}
ip.src == ip.dst
ip.src != ip.dst
ip.addr any_ne 10.0.0.1
any ip.addr == 10.0.0.0/8
all ip.addr == 10.0.0.0/8
all ip.ttl > 60
ip.src[0] == 0a
ip.src[0:2] == 0a:00
ip.dst[3] == fe
ip.dst[-1:] == 01
eth.dst == ff:ff:ff:ff:ff:ff
eth.addr == ff:ff:ff:ff:ff:ff
eth.src[0:3] == 00:0c:29
eth.src[0:3] == 00-0c-29
eth.dst[0] & 1
eth.type == 0x0800
eth.type == 0x86dd
eth.type != 0x0800
eth.type > 0x0800
eth.type in {0x0800, 0x0806}
eth.src != eth.dst
tcp.port == 80
tcp.port == 443
tcp.port != 80
tcp.port in {80, 443, 8080}
tcp.port in {1..1023}
tcp.port < 1024
tcp.port > 1024
all tcp.port > 1024
any tcp.port > 1024
tcp.port any_ne 80
tcp.port all_eq 80
tcp.srcport == 80
tcp.dstport == 80
tcp.srcport eq 80 or tcp.dstport eq 80
tcp.srcport == tcp.dstport
tcp.srcport < tcp.dstport
tcp.srcport gt 1024
tcp.srcport ge 1024
tcp.dstport lt 1024
tcp.dstport le 443
tcp.dstport ne 443
tcp.seq_raw == 0
tcp.seq_raw > 2147483648
tcp.ack_raw == 0
tcp.ack_raw != 0
tcp.hdr_len == 20
tcp.hdr_len > 20
tcp.hdr_len in {32, 40}
tcp.flags == 0x02
tcp.flags == 0x012
tcp.flags == 2
tcp.flags & 0x02
tcp.flags & 2 == 2
tcp.flags & 0x12 == 0x12
tcp.flags & 0x17
!(tcp.flags & 0x10)
tcp.flags.syn == 1
tcp.flags.syn
tcp.flags.syn == True
tcp.flags.syn == 1 && tcp.flags.ack == 0
tcp.flags.syn==1&&tcp.flags.ack==1
tcp.flags.fin == 1 or tcp.flags.reset == 1
tcp.flags.push == 1
tcp.flags.urg == 1
tcp.flags.ece == 1
tcp.flags.cwr == 1
tcp.flags.ack == 0
tcp.window_size_value == 0
tcp.window_size_value > 30000
tcp.window_size_value in {1..1000}
tcp.checksum == 0
tcp.checksum != 0
tcp.urgent_pointer != 0
tcp.options
udp.port == 53
udp.port in {53, 67, 68, 5353}
udp.port != 53
udp.srcport == 53
udp.dstport == 53
udp.dstport > 1024
udp.srcport == udp.dstport
udp.length == 8
udp.length > 100
udp.length <= 100
udp.checksum == 0
udp.checksum != 0
udp.checksum == 0xffff
frame.number == 1
frame.number < 10
frame.number in {2..5}
frame.len > 100
frame.len == 60
frame.cap_len < 60
frame.len != frame.cap_len
frame
ip and frame.len > 1000
(tcp and ip.ttl < 64) or (udp and ip.ttl >= 64)
tcp and (ip.src == 10.0.0.0/8 or ip.dst == 10.0.0.0/8) and not tcp.port == 22
not tcp.port == 80 and not udp.port == 53
!(tcp.port == 80) && !(udp.port == 53)
ip[0] == 45
ip[0] & 0xf0 == 0x40
tcp[13] & 2
tcp[0:2] == 00:50
udp[0:2] == 00:35
eth[12:2] == 08:00
eth[0:6] == ff:ff:ff:ff:ff:ff
tcp contains "HTTP"
tcp contains 48:54:54:50
udp contains "www"
ip contains "GET"
tcp matches "GET|POST"
tcp matches "^(?s).{20}GET"
count(ip.addr) > 1
count(tcp.port) == 2
len(tcp) > 28
arp
arp.opcode == 1
arp.opcode == 2 or icmp
arp.src.proto_ipv4 == 10.0.0.0/8
icmp
icmp.type == 8
icmp.type == 3
icmp.type == 3 and icmp.code == 3
icmp.type in {0, 8}
ipv6
ipv6.addr == fe80::/10
ipv6.src == fe80::/10
ipv6.dst == ff02::/16
ipv6.hlim == 255
ipv6.hlim < 255
ipv6.nxt == 58
ipv6.nxt == 17 or ipv6.nxt == 6
ipv6.plen > 100
icmpv6
icmpv6.type == 135
icmpv6.type in {133..136}
vlan
vlan.id == 1
vlan.id > 10
vlan.priority == 0
dns
dns.flags.response == 0
dns.flags.response == 1
dns.flags.rcode != 0
dns.count.answers > 0
dns.qry.name contains "www"
dns.qry.type == 1
dns.qry.type == 28
dns.id == 0
http
http.request.method == "GET"
http.response.code == 200
ip.addr#1 == 10.0.0.0/8
ip.addr#2
ip#2
ip.ttl#[-1] == 64
ip.src#[1-2] == 192.168.0.0/16
vlan.id#1 > 1
vlan.id#2
tcp.dstport == tcp.srcport + 1
tcp.srcport > 2 * {tcp.dstport + 3}
ip.ttl - 1 == 63
ip.ttl % 2 == 0
ip.ttl / 2 == 32
ip.ttl * 2 == 128
udp.length == frame.len - 34
udp.length + 20 == ip.len
ip.len + 14 < frame.len
frame.number % 7 == 0
frame.len - frame.cap_len > 0
max(udp.port) == 53
max(tcp.srcport, tcp.dstport) > 50000
min(udp.srcport, udp.dstport) < 1024
min(tcp.port) == 80
abs(ip.ttl) > 64
len(dns.qry.name) > 20
len(udp) > 100
len(frame) > 1000
len(ip) == 40
len(tcp.payload) > 100
len(eth.src) == 6
count(ip.src) == 2
count(ip) > 1
count(tcp.port) == 0
count(dns.a) > 1
count(tcp.options.sack_le) >= 1
upper(dns.qry.name) contains "WWW"
lower(http.request.method) == "get"
upper(http.host) contains "COM"
string(ip.src) matches "^10"
string(tcp.dstport) contains "8"
string(eth.src) contains "00:0c"
string(ip.ttl) == "64"
udp.port not in {53}
tcp.port not in {80, 443}
tcp.port === 80
ip.src === 10.0.0.0/8
tcp.port ~= 80
any tcp.port == 80
all udp.port == 53
all eth.addr contains 00
all ip.addr != 10.0.0.1
any ip.addr != 10.0.0.1
eth.addr contains 00:00
eth.addr contains ff:ff
eth.addr matches "^\\x00"
eth.addr[0:3] == 00:00:0c
eth.addr == 01:00:5e:00:00:00 or eth.dst.ig == 1
eth.dst.ig == 1
eth.src.ig == 0
eth.dst.lg == 1
eth.ig == 1
eth.lg
eth.len
eth.len < 1500
eth.type == IPv4
eth.type in {0x0800..0x0806}
llc
llc.dsap == 0x42
llc.ssap == 0xaa
llc.control == 3
llc.oui
llc.type == 0x0800
stp
stp.type == 0
stp.flags.tc == 1
stp.root.cost > 0
stp.bridge.hw
null
null.family == 2
raw
sll
sll.pkttype == 0
sll.etype == 0x0800
sll.halen == 6
ppp
ppp.protocol == 0x0021
pppoed
pppoes
pppoe.code == 0
pppoe.session_id > 0
mpls
mpls.label > 100
mpls.ttl < 255
mpls.bottom == 1
mpls.exp == 0
vlan.id in {1..100}
vlan.dei == 0
vlan.etype == 0x0800
vlan.etype == 0x86dd
ieee8021ad
ieee8021ad.id > 0
arp.hw.type == 1
arp.proto.type == 0x0800
arp.hw.size == 6
arp.src.hw_mac == arp.dst.hw_mac
arp.dst.hw_mac == 00:00:00:00:00:00
arp.dst.proto_ipv4 == 192.168.0.0/16
arp.src.proto_ipv4 == arp.dst.proto_ipv4
arp[6:2] == 00:01
ip.dsfield == 0
ip.dsfield != 0
ip.dsfield & 0xfc
ip.flags == 2
ip.flags == 0x02 or ip.flags == 1
ip.id & 1
ip.id & 0xff00 == 0
ip.id > 1000 and ip.id < 2000
ip.host contains "192.168"
ip.src_host == "10.0.0.1"
ip.dst_host matches "255$"
ip.proto in {1, 2, 47, 50, 51}
ip.proto == 47
ip.proto == "TCP"
ip.opt.type
ip.opt.type == 148
ip.opt.len == 4
ip.opt.ra == 0
ip.version == 6
ip.src[0:2] == c0:a8
ip.src[1:2,3] == 00:00:01
ip.src[:2] == 0a:00
ip.src[2-3] == 01:01
ip.dst[0] > e0
ip.dst[0] & 0xf0 == 0xe0
ip[8] < 40
ip[9] == 6
ip[-1:] == 00
ip[12:4] == c0:a8:01:01
ip contains 00:00:00:00
ip contains "HTTP/1.1"
ip matches "[0-9]{5}"
ip.src < 11.0.0.0 && ip.src > 9.255.255.255
ip.src <= ip.dst
ip.ttl == 0x40
ip.ttl == 0100
ip.ttl == 0b1000000
ip.len in {40..60, 1500}
ipv6.tclass.dscp == 0
ipv6.tclass == 0
ipv6.flow == 0
ipv6.flow > 0
ipv6.nxt == 44
ipv6.nxt in {0, 43, 44, 60}
ipv6.nxt == TCP
ipv6.plen < 40
ipv6.src == ::1
ipv6.src == ::/64
ipv6.addr == 2001:db8::/32
ipv6.dst == ff02::1
ipv6.dst[0] == fe
ipv6.dst[0:2] == ff:02
ipv6.src != ipv6.dst
ipv6.src < 3000::
ipv6.host contains "fe80"
ipv6.version == 6
ipv6.fraghdr
ipv6.fraghdr.more == 1
ipv6.fraghdr.offset > 0
ipv6.hopopts
ipv6.dstopts
ipv6.routing
ipv6.routing.type == 0
ipv6.routing.segleft > 0
ipv6.opt.type
ipv6.opt.router_alert == 0
icmp.code == 0
icmp.type == 11
icmp.type == 5
icmp.checksum == 0
icmp.ident > 0
icmp.seq == 1
icmp.seq > 10 and icmp.type == 8
icmp.mtu > 0
icmp.redir_gw
icmp && tcp
icmp && udp.port == 53
icmp[0] == 08
icmp[0:2] == 03:03
icmp contains "abcd"
icmpv6.type == 128
icmpv6.type == 143
icmpv6.code == 0
icmpv6.type in {1..4}
icmpv6.echo.identifier
icmpv6.echo.sequence_number > 1
icmpv6.nd.ns.target_address == fe80::/10
icmpv6.nd.ra.cur_hop_limit == 64
icmpv6.nd.ra.flag.m == 0
icmpv6.nd.na.flag.s == 1
icmpv6.opt.type == 1
icmpv6.opt.linkaddr
icmpv6.opt.prefix.length == 64
icmpv6.opt.mtu > 1000
icmpv6.mtu
igmp
igmp.type == 0x16
igmp.type == 0x22
igmp.maddr == 224.0.0.0/4
igmp.max_resp > 0
gre
gre.proto == 0x0800
gre.flags.key == 1
gre.key
gre.flags.version == 1
gre.sequence_number > 0
ah
ah.spi > 0
ah.sequence == 1
esp
esp.spi > 0
esp.sequence > 1
vxlan
vxlan.vni > 0
vxlan && tcp
geneve
geneve.vni > 0
geneve.flags.oam == 0
tcp.len > 0
tcp.len == 0
tcp.len in {1..100}
tcp.len >= 1460
tcp.len == 1 and tcp.flags.ack == 1
tcp.payload
tcp.payload contains "HTTP"
tcp.payload[0:3] == 16:03:01
tcp.payload[0] == 16
tcp.payload matches "^SSH"
udp.payload
udp.payload contains 00:01
udp.payload[0:2] == 00:00
udp.payload matches "^\\x01"
tcp.payload[0:4] == "HTTP"
tcp.payload[0:3] == "GET"
tcp[12] & 0xf0 == 0x50
tcp[13] == 12
tcp[13] == 02
tcp[0:2] == tcp[2:2]
tcp[20:] contains "GET"
tcp[20:4] == 02:04:05:b4
tcp[-4:4] == 00:00:00:00
tcp[-2:] == 0d:0a
udp[4:2] == 00:08
udp[8:] contains "local"
udp contains "local"
udp matches "[a-z]{8}"
tcp matches "user-agent"
tcp contains 0d:0a:0d:0a
tcp.srcport == 0x50
tcp.srcport & 1
tcp.srcport & 0xff00 == 0
tcp.port in {20..25, 110, 143}
tcp.port == 22 or tcp.port == 23
tcp.port > 1023 and tcp.port < 5000
tcp.flags == 0x018
tcp.flags in {0x010, 0x018}
tcp.flags != 0x010
tcp.flags & 0x3f == 0x11
tcp.flags.res == 0
tcp.flags.ae == 0
tcp.flags.syn == True && tcp.flags.ack == False
tcp.flags.syn == 1 && !(tcp.flags.ack == 1)
tcp.window_size_value < 100
tcp.urgent_pointer > 0
tcp.seq_raw < tcp.ack_raw
tcp.option_kind == 2
tcp.option_kind == 8
tcp.option_kind in {4, 5}
tcp.option_len == 10
tcp.options.mss_val == 1460
tcp.options.mss_val < 1460
tcp.options.wscale.shift > 0
tcp.options.timestamp.tsval > 0
tcp.options.timestamp.tsecr == 0
tcp.options.sack_le
tcp.options.mptcp.subtype
tcp.options.md5.digest
tcp.stream == 0
tcp.stream < 5
tcp.stream in {1..3}
tcp.stream % 2 == 1
udp.stream == 0
udp.stream == 2
udp.stream < 10
udp.srcport == 67 or udp.dstport == 67
udp.length < 20
udp.length in {8..40}
udp.port == 5353 && ip.dst == 224.0.0.251
dns.flags == 0x0100
dns.flags & 0x8000
dns.flags.opcode == 0
dns.flags.authoritative == 1
dns.flags.truncated == 0
dns.flags.recdesired == 1
dns.flags.recavail == 1
dns.flags.authenticated == 1
dns.flags.checkdisable == 0
dns.flags.rcode == 3
dns.count.queries == 1
dns.count.answers == 0
dns.count.auth_rr > 0
dns.count.add_rr > 0
dns.count.answers >= 2 and dns.count.auth_rr == 0
dns.qry.name == "www.google.com"
dns.qry.name contains "arpa"
dns.qry.name matches "^www"
dns.qry.name ~ "com$"
dns.qry.name[0:3] == "www"
dns.qry.class == 1
dns.qry.type in {1, 28}
dns.qry.type == 12
dns.resp.name contains "google"
dns.resp.type == 5
dns.resp.type == 41
dns.resp.ttl > 3600
dns.resp.len == 4
dns.resp.class == 1
dns.a
dns.a == 10.0.0.0/8
dns.a == 192.0.0.0/8
dns.aaaa
dns.cname
dns.cname contains "com"
dns.ns contains "ns1"
dns.mx.preference >= 10
dns.mx.mail_exchange
dns.txt
dns.txt contains "spf"
dns.soa.mname
dns.srv.port > 0
dns.ptr.domain_name
dns.rr.udp_payload_size > 512
dns.id != 0
dns && ip.src == 192.168.0.0/16
dns and not udp.port == 53
!dns && udp.port == 53
dns contains "www"
http.request
http.response
http.request.method in {"GET", "HEAD"}
http.request.method matches "^(PUT|POST)$"
http.request.uri contains "index"
http.request.uri matches "[.](gif|png|jpg)"
http.request.version == "HTTP/1.1"
http.response.code >= 300
http.response.code in {200..299}
http.response.code == 404
http.response.phrase == "OK"
http.response.version == "HTTP/1.0"
http.host
http.host contains "www"
http.user_agent
http.user_agent contains "Mozilla"
http.user_agent matches "curl|wget"
http.server
http.server contains "Apache"
http.content_type contains "text/html"
http.content_length_header == "0"
http.cookie
http.referer
http.location
http.set_cookie
http.connection contains "keep"
http.accept_encoding contains "gzip"
http && tcp.port != 80
http.request || http.response.code == 200
frame contains "HTTP"
frame contains 00:11:22
frame matches "[Pp]assword"
frame[0:2] == ff:ff
frame[12:2] == 08:00
frame[-2:] == 00:00
frame.time >= "2010-01-01 00:00:00"
frame.time < "2005-06-30"
frame.time >= "2003-01-01 00:00:00" && frame.time <= "2008-01-01 00:00:00"
frame.time_epoch > 1000000000
frame.time_epoch >= 1200000000.5
frame.time_delta > 1
frame.time_delta == 0
frame.time_delta < 0.001
frame.time_relative > 10
frame.time_relative <= 0.5
frame.cap_len == frame.len
frame.len in {60..64, 1514}
frame.number in {1, 3, 5, 100..200}
frame.number >= 10 && frame.number <= 20
frame.number == 17 || frame.number == 18
not ip and not ipv6 and not arp
not not tcp
!(ip.ttl > 1)
not (tcp.port == 80 or tcp.port == 443) and tcp
tcp && !tcp.payload
(ip.src == 10.0.0.0/8 && ip.dst == 10.0.0.0/8) || ipv6.src == fe80::/10
ip.src == 192.168.1.1 || ip.dst == 192.168.1.1 || arp.src.proto_ipv4 == 192.168.1.1
(tcp.flags.fin == 1 && tcp.flags.ack == 1) or tcp.flags.reset == 1
udp && !dns && !icmp
ip.src == 127.0.0.1
ip.dst == 239.255.255.250 and udp.dstport == 1900
tcp.flags.syn && tcp.options.mss_val && ip.ttl in {64, 128}
""".strip().splitlines()

EXPRESSIONS = list(dict.fromkeys(_ALL))
