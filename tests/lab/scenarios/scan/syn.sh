# A port scan by half-open connections, from outside.
# packages: nmap
from attacker nmap -n -Pn -sS -F -T4 $SERVER
