# A fast scan with masscan.
# packages: masscan
LAB_SECONDS=6 from attacker masscan $SERVER -p1-200 --rate 400 --wait 1 --interface eth0 --router-mac "$(ip netns exec ml-gate cat /sys/class/net/wan0/address)"
