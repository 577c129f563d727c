# A WebSocket with permessage-deflate: text, bytes, a long message, and one in three frames.
# packages: python3-websockets
serve server ws2 /usr/bin/python3 "$LAB_HERE/servers/websocket_peer.py" server $SERVER
wait_port server $SERVER 8766
from client /usr/bin/python3 "$LAB_HERE/servers/websocket_peer.py" client $SERVER
stop_server ws2
