# Remote management used to run commands: WMI over DCOM (impacket; the other side only listens, since
# Debian has no DCOM server) and WinRM (the client's request, sent with curl).
# packages: python3-impacket curl python3
LAB_SECONDS=6 from client /usr/bin/python3 /usr/share/doc/python3-impacket/examples/wmiexec.py -nooutput "root:Lab-2026@$SERVER" whoami
from client curl -s -A 'Microsoft WinRM Client' -H 'Content-Type: application/soap+xml;charset=UTF-8' -d '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>' http://$SERVER:5985/wsman
