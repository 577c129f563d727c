# Messages to a syslog collector: the older and the newer format over UDP, then over TCP as lines and counted.
# packages: rsyslog bsdutils
printf 'module(load="imudp")\nmodule(load="imtcp")\ninput(type="imudp" address="%s" port="514")\ninput(type="imtcp" address="%s" port="514")\n*.* /dev/null\n' \
    $SERVER $SERVER >rsyslog.conf
serve server rsyslog rsyslogd -n -f "$LAB_DIR/rsyslog.conf" -i "$LAB_DIR/run/rsyslog.pid"
wait_port client $SERVER 514
from client logger -n $SERVER -P 514 -d --rfc3164 -t sshd --id=1234 -p auth.info 'Failed password for root from 203.0.113.66'
from client logger -n $SERVER -P 514 -d --rfc5424 -t canhbao -p local0.err --msgid ID47 --sd-id ex@32473 --sd-param 'unit="tinh"' 'Qua tai'
from client logger -n $SERVER -P 514 -T --rfc5424 -t dong -p daemon.notice 'Mot dong'
from client logger -n $SERVER -P 514 -T --octet-count --rfc5424 -t dem -p daemon.warning 'Co dem do dai'
stop_server rsyslog
