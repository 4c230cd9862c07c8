# gets: Nobody has asked
c$ python3 -c 'import http.client; c = http.client.HTTPConnection("{s.ip}"); c.request("GET", "/{one}"); c.getresponse().read()'
