# gets: Nobody answers: look at its question
b$ ip address add {home.other}/24 dev eth0
