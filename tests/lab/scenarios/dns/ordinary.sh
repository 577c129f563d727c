# Ordinary look-ups: A, AAAA, MX, TXT, PTR, SRV, a name that does not exist, EDNS, and one over TCP.
# packages: bind9-dnsutils dnsmasq
from client dig @$SERVER +tries=1 +time=2 $PORTAL A
from client dig @$SERVER +tries=1 +time=2 $PORTAL AAAA
from client dig @$SERVER +tries=1 +time=2 www.tinh.example A
from client dig @$SERVER +tries=1 +time=2 tinh.example MX
from client dig @$SERVER +tries=1 +time=2 tinh.example TXT
from client dig @$SERVER +tries=1 +time=2 lon.tinh.example TXT +bufsize=1232
from client dig @$SERVER +tries=1 +time=2 -x $SERVER
from client dig @$SERVER +tries=1 +time=2 _ldap._tcp.tinh.example SRV
from client dig @$SERVER +tries=1 +time=2 sai-chinh-ta.khong-co.example A
from client dig @$SERVER +tries=1 +time=2 +tcp $PORTAL A
