# A scan by TCP packets without any flag.
# packages: nmap
from attacker nmap -n -Pn -sN --top-ports 20 -T4 $SERVER
