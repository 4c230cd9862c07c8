# gets: The kernel mends it
h1$ packetlab send -W 0 'IPv4(src="{h1.ip}", dst="{h2.ip}", checksum=0x{wrong})
      / UDP(src_port={from}, dst_port={port})
      / "{token}"'
