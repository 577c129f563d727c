# Ordinary FTP: an anonymous download in passive mode and a listing.
# packages: curl vsftpd
from client curl -s ftp://$SERVER/
from client curl -s -o /dev/null ftp://$SERVER/bao-cao.bin
