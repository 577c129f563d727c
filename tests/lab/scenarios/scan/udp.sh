# A scan of UDP ports; the server answers "port unreachable".
# packages: nmap
ip netns exec ml-server sysctl -q -w net.ipv4.icmp_ratelimit=0
from attacker nmap -n -Pn -sU --top-ports 40 -T4 --max-retries 1 $SERVER
