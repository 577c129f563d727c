# The scripting engine of nmap on the web server: titles, headers, methods and known folders.
# packages: nmap nginx-light
# packets: 900
LAB_SECONDS=20 from attacker nmap -n -Pn -sT -p 80 --script http-title,http-headers,http-methods,http-git $SERVER
