# A port scan by whole connections, from a machine inside.
# packages: nmap
from client nmap -n -Pn -sT -F -T4 $SERVER
