# The first packets of dnscat2 (not in Debian 12), sent with dig: hex data under the word "dnscat".
# packages: bind9-dnsutils dnsmasq
for part in 6f1b0012340000a0b1c2d3 6f1b0112340000a0b1c2d3e4f5 6f1b0212340000a0b1c2d3e4f506; do
    from client dig @$SERVER +tries=1 +time=1 dnscat.$part TXT
    from client dig @$SERVER +tries=1 +time=1 dnscat.$part CNAME
done
