# gets: sent it from h3
h3$ packetlab send -W 0 -I eth0 'Ethernet(dst="33:33:00:00:00:01", src="{r.sw.mac}") / IPv6(src="{r.sw.local6}", dst="ff02::1", hop_limit=255) / RouterAdvertisement6(options=(PrefixInformation(prefix="{third.network}"),))'
