# Names that deserve a look: dynamic DNS, a mining pool, a hidden service, and a zone transfer.
# packages: bind9-dnsutils dnsmasq
from client dig @$SERVER +tries=1 +time=1 may-quay.duckdns.org A
from client dig @$SERVER +tries=1 +time=1 pool.supportxmr.com A
from client dig @$SERVER +tries=1 +time=1 +noidnin duskgytldkxiuqc6.onion A
from attacker dig @$SERVER +tries=1 +time=1 tinh.example AXFR
