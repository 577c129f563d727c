# A fast scan with masscan, then its banner grabber on the web port.
# packages: masscan
from attacker masscan $SERVER -p1-200 --rate 400 --wait 1 --interface eth0 --router-mac "$(ip netns exec ml-gate cat /sys/class/net/wan0/address)"
from attacker masscan $SERVER -p80 --banners --source-ip 203.0.113.99 --rate 50 --wait 4 --interface eth0 --router-mac "$(ip netns exec ml-gate cat /sys/class/net/wan0/address)"
