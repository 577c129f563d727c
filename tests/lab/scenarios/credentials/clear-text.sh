# Passwords sent unprotected: HTTP basic, a web form, an address, FTP, POP3 and telnet.
# packages: curl ncat vsftpd dovecot-pop3d nginx-light python3
web=(curl -s -A 'Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0')
from client "${web[@]}" -u admin:Lab-2026 http://$SERVER/app/quan-tri
from client "${web[@]}" -d 'username=canbo&password=MatKhau1' http://$SERVER/app/login
from client "${web[@]}" "http://$SERVER/app/tim?user=canbo&password=MatKhau1"
from client curl -s ftp://canbo:MatKhau1@$SERVER/
(sleep 0.3; printf 'USER canbo\r\n'; sleep 0.3; printf 'PASS MatKhau1\r\n'; sleep 0.5; printf 'QUIT\r\n'; sleep 0.2) | from client ncat $SERVER 110
(sleep 0.3; printf 'canbo\r\n'; sleep 0.3; printf 'MatKhau1\r\n'; sleep 0.3) | from client ncat $SERVER 23
