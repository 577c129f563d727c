"""Binds an interface that the endpoint mapper has not (Active Directory replication) with impacket: bind.py ADDRESS."""

import sys

from impacket.dcerpc.v5 import transport
from impacket.uuid import uuidtup_to_bin

rpc = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{sys.argv[1]}[135]").get_dce_rpc()
rpc.connect()
rpc.bind(uuidtup_to_bin(("E3514235-4B06-11D1-AB04-00C04FC2DCD2", "4.0")))
