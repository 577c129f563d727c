# A page through a SOCKS 5 proxy with a password, one refused, and one through the SOCKS 4a proxy of an SSH client.
# packages: microsocks curl openssh-client
serve internet socks microsocks -i $INTERNET -p 1080 -u khach -P mo
wait_port client $INTERNET 1080
from client curl -s -o /dev/null --socks5 khach:mo@$INTERNET:1080 http://$INTERNET/
from client curl -s -o /dev/null --socks5-hostname khach:sai@$INTERNET:1080 http://$INTERNET/
serve internet ssh-d ssh -q -N -D $INTERNET:1081 -p 2222 -i "$LAB_DIR/ssh/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@$INTERNET
wait_port client $INTERNET 1081
from client curl -s -o /dev/null --proxy socks4a://$INTERNET:1081 http://$INTERNET/
stop_server ssh-d
stop_server socks
