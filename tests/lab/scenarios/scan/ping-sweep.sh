# A search for living machines over the whole network by echo requests.
# packages: nmap
from attacker nmap -n -sn -PE -T4 192.168.10.100-140
