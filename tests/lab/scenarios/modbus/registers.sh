# Modbus: coils and registers read and written, one and many, a mask, the device's name, and a register that is not there.
# packages: python3-pymodbus python3-serial-asyncio
serve server modbus /usr/bin/python3 "$LAB_HERE/servers/modbus.py" server $SERVER
wait_port server $SERVER 502
from client /usr/bin/python3 "$LAB_HERE/servers/modbus.py" client $SERVER
stop_server modbus
