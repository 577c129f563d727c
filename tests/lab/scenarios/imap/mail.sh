# Mail fetched over IMAP: a log-in, a folder listed, a mail read; one wrong password; then the same with STARTTLS.
# packages: curl dovecot-imapd
. "$LAB_HERE/servers/mailbox.sh"
mailbox imap 143 $SERVER
from client curl -s imap://$SERVER/ -u canbo:MatKhau1
from client curl -s "imap://$SERVER/INBOX;MAILINDEX=1" -u canbo:MatKhau1
from client curl -s imap://$SERVER/ -u canbo:saimatkhau
from client curl -s -k --ssl-reqd imap://$SERVER/ -u canbo:MatKhau1
stop_server mailbox-imap
