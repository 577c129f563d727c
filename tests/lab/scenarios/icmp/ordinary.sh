# Ordinary checks of the network: four small pings, IPv4 and IPv6, and one to a port that is closed.
# packages: iputils-ping curl
from client ping -c 4 -i 0.2 $SERVER
from client ping -c 4 -i 0.2 $SERVER6
from client ping -c 2 -i 0.2 $INTERNET
from client curl -s --max-time 2 http://$SERVER:8081/
