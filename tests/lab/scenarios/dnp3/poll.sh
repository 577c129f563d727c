# DNP3: a master asks an outstation for everything and for events, selects and operates a relay, measures the delay
# and asks for a cold restart.
# packages: python3
# pypi: dnp3py
serve server dnp3 "$LAB_PYTHON/bin/python3" "$LAB_HERE/servers/dnp3_station.py" outstation $SERVER
wait_port server $SERVER 20000
from client "$LAB_PYTHON/bin/python3" "$LAB_HERE/servers/dnp3_station.py" master $SERVER
stop_server dnp3
