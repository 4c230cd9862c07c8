# gets: has to come from h3
h2$ packetlab send -W 0 -I eth0 '
      Ethernet(dst="{h1.mac}", src="{h3.mac}")
      / ARP(operation=2,
            sender_hardware="{h3.mac}",
            sender_protocol="{h2.ip}",
            target_hardware="{h1.mac}",
            target_protocol="{h1.ip}")'
