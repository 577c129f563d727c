# A scan by TCP packets with the FIN flag alone.
# packages: nmap
from attacker nmap -n -Pn -sF --top-ports 20 -T4 $SERVER
