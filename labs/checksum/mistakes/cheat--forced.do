# gets: does not fit its data
h1$ packetlab send -W 0 'IPv4(src="{h1.ip}", dst="{h2.ip}")
      / UDP(src_port={from}, dst_port={port}, checksum=0x{wrong})
      / "aaaabbbb"'
