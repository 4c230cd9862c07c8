# gets: names h2's own MAC
h3$ packetlab send -W 0 -I eth0 '
      Ethernet(dst="{h1.mac}", src="{h3.mac}")
      / ARP(operation=2,
            sender_hardware="{h2.mac}",
            sender_protocol="{h2.ip}",
            target_hardware="{h1.mac}",
            target_protocol="{h1.ip}")'
