# DCE/RPC over TCP: the endpoint mapper asked for its table, shares listed through the port that it names, an interface that nobody offers.
# packages: samba samba-common-bin python3-impacket
sed -e "s|interfaces = .*|interfaces = 192.168.10.106|" -e "s|$LAB_DIR/samba|$LAB_DIR/rpc|g" samba/smb.conf >rpc.conf
mkdir -p rpc/ncalrpc
printf 'rpc start on demand helpers = no\n' >rpc.global
sed -i '/^\[global\]/r rpc.global' rpc.conf
printf 'Lab-2026\nLab-2026\n' | smbpasswd -c "$LAB_DIR/rpc.conf" -s -a root
serve server rpc /usr/libexec/samba/samba-dcerpcd --foreground --no-process-group --configfile="$LAB_DIR/rpc.conf" --libexec-rpcds
wait_port server 192.168.10.106 135
sleep 1
from client /usr/bin/python3 "$LAB_HERE/servers/bind.py" 192.168.10.106
from client rpcclient -U 'root%Lab-2026' ncacn_ip_tcp:192.168.10.106 -c 'netshareenumall; srvinfo'
stop_server rpc
