# Data in echo packets: ptunnel carries an HTTP request, then large pings in a row.
# packages: ptunnel iputils-ping curl
# packets: 400
serve internet ptunnel-far ptunnel
serve client ptunnel ptunnel -p $INTERNET -lp 8000 -da $INTERNET -dp 80
sleep 1
LAB_SECONDS=6 from client curl -s -o /dev/null -r 0-6000 http://127.0.0.1:8000/update.deb
stop_server ptunnel; stop_server ptunnel-far
from client ping -c 20 -i 0.1 -s 1300 $INTERNET
