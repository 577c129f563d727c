# Mail fetched over POP3: a log-in, the list, one mail; one wrong password; then the same with STLS.
# packages: curl dovecot-pop3d
. "$LAB_HERE/servers/mailbox.sh"
mailbox pop3 110 192.168.10.101
from client curl -s pop3://192.168.10.101/ -u canbo:MatKhau1
from client curl -s pop3://192.168.10.101/1 -u canbo:MatKhau1
from client curl -s pop3://192.168.10.101/ -u canbo:saimatkhau
from client curl -s -k --ssl-reqd pop3://192.168.10.101/ -u canbo:MatKhau1
stop_server mailbox-pop3
