# SNMP: versions 1, 2c and 3, a wrong community, a value set.
# packages: snmpd snmp
printf 'agentaddress udp:%s:161\nrocommunity public\nrwcommunity ghi\nsysLocation Phong may\ncreateUser an SHA MatKhauDai AES KhoaRiengTu\nrouser an\n' $SERVER >snmpd.conf
mkdir -p snmp
SNMP_PERSISTENT_DIR="$LAB_DIR/snmp" serve server snmp snmpd -f -Lo -C -c "$LAB_DIR/snmpd.conf" -u root
sleep 1
oid=1.3.6.1.2.1.1
from client snmpget -v1 -c public $SERVER $oid.5.0
from client snmpwalk -v2c -c public $SERVER $oid.9.1.3
from client snmpget -v2c -c sai -r 0 -t 0.5 $SERVER $oid.5.0
from client snmpset -v2c -c ghi $SERVER $oid.4.0 s 'quan tri'
from client snmpget -v3 -l authPriv -u an -a SHA -A MatKhauDai -x AES -X KhoaRiengTu $SERVER $oid.6.0
stop_server snmp
