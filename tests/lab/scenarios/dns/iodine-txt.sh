# A DNS tunnel with iodine (TXT queries), and pings through it.
# packages: iodine
# packets: 500
stop_server dns-internet
sleep 0.3
serve internet iodined iodined -f -c -P matluoi 10.98.0.1 t.example.net -l $INTERNET
sleep 0.5
serve client iodine iodine -f -r -T TXT -P matluoi $INTERNET t.example.net
sleep 4
from client ping -c 8 -i 0.2 -s 400 10.98.0.1
stop_server iodine; stop_server iodined
sleep 0.3
serve internet dns-internet dnsmasq --keep-in-foreground --conf-file="$LAB_DIR/dnsmasq-internet.conf" --pid-file="$LAB_DIR/run/dnsmasq-internet.pid"
