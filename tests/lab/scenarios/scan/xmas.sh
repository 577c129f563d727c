# A scan by TCP packets with FIN, PSH and URG ("Christmas tree").
# packages: nmap
from attacker nmap -n -Pn -sX --top-ports 20 -T4 $SERVER
