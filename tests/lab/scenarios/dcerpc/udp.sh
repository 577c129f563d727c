# DCE/RPC over UDP: a call, one in two parts, and an operation that the device has not. Debian and PyPI have no
# server that speaks it (samba gave it up): both sides are scripts of ours, written from the standard.
# packages: python3
serve server rpc-udp /usr/bin/python3 "$LAB_HERE/servers/rpc_datagram.py" server $SERVER
sleep 0.5
from client /usr/bin/python3 "$LAB_HERE/servers/rpc_datagram.py" client $SERVER
stop_server rpc-udp
