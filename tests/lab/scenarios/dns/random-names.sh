# Many names that do not exist, as malware makes that searches for its master.
# packages: bind9-dnsutils dnsmasq
for n in $(seq 45); do
    echo "$(printf 'ten-%d' $n | md5sum | cut -c1-14).khong-co.example A"
done >"$LAB_DIR/names"
from client dig @$SERVER +tries=1 +time=1 -f "$LAB_DIR/names"
