# gets: The web server is on b
a$ ip address add {home.old}/24 dev eth0
