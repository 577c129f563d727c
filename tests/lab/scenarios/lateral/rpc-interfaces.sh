# Interfaces of Windows bound over DCE/RPC, as secretsdump (directory replication) and PetitPotam
# (encrypting file system) do, with impacket. The other side only listens: Debian has no Windows.
# packages: python3-impacket python3
bind() { LAB_SECONDS=6 from client /usr/bin/python3 -c "
from impacket.dcerpc.v5 import transport
from impacket.uuid import uuidtup_to_bin
rpc = transport.DCERPCTransportFactory('ncacn_ip_tcp:$SERVER[135]').get_dce_rpc()
rpc.connect()
rpc.bind(uuidtup_to_bin(('$1', '$2')))"; }
bind E3514235-4B06-11D1-AB04-00C04FC2DCD2 4.0
bind c681d488-d850-11d0-8c52-00c04fd90f7e 1.0
