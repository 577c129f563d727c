# A clock asks another for the time.
# packages: chrony ntpsec-ntpdig
printf 'local stratum 5\nallow all\nport 123\nbindaddress %s\ncmdport 0\npidfile %s/run/chrony.pid\nuser root\n' $SERVER "$LAB_DIR" >chrony.conf
serve server ntp chronyd -x -d -f "$LAB_DIR/chrony.conf"
sleep 1.5
from client ntpdig -t 2 $SERVER
stop_server ntp
