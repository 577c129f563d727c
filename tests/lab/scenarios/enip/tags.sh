# EtherNet/IP: a controller is looked for, its name read; tags read and written, several in one message; an attribute that is not there.
# packages: python3
# pypi: cpppo pycomm3
serve server plc "$LAB_PYTHON/bin/python3" -m cpppo.server.enip --no-print --address $SERVER:44818 MucNuoc=INT[10] Bom=DINT
wait_port server $SERVER 44818
from client "$LAB_PYTHON/bin/python3" -m cpppo.server.enip.client --list-services --list-identity --address $SERVER:44818 --no-print
from client "$LAB_PYTHON/bin/python3" -m cpppo.server.enip.client --udp --broadcast --list-identity --address $SERVER:44818 --no-print
from client "$LAB_PYTHON/bin/python3" -m cpppo.server.enip.client --address $SERVER:44818 --multiple --no-print 'MucNuoc[0-3]=1,2,3,4' 'MucNuoc[1]' 'Bom=(DINT)7' 'KhongCo'
from client "$LAB_PYTHON/bin/python3" "$LAB_HERE/servers/plc.py" $SERVER
stop_server plc
