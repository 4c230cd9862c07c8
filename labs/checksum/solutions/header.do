h1$ packetlab send -W 0 -I eth0 '
      Ethernet(src="{h1.mac}", dst="{h2.mac}")
      / IPv4(src="{h1.ip}", dst="{h2.ip}", checksum=0x{wrong})
      / UDP(src_port={from}, dst_port={port})
      / "{token}"'
