# A machine asks for an address and gives it back.
# packages: isc-dhcp-client dnsmasq
serve server dhcp dnsmasq --keep-in-foreground --no-hosts --no-resolv --port=0 --interface=eth0 --dhcp-range=192.168.10.200,192.168.10.210,1h \
    --dhcp-option=option:domain-name,tinh.example --dhcp-leasefile="$LAB_DIR/run/leases" --pid-file="$LAB_DIR/run/dhcp.pid" --conf-file=/dev/null
sleep 0.5
LAB_SECONDS=8 from client dhclient -d -1 -v -sf /bin/true -lf "$LAB_DIR/run/dhclient.leases" -pf "$LAB_DIR/run/dhclient.pid" eth0 >"$LAB_DIR/log/dhclient.log" 2>&1
LAB_SECONDS=5 from client dhclient -r -v -sf /bin/true -lf "$LAB_DIR/run/dhclient.leases" -pf "$LAB_DIR/run/dhclient.pid" eth0
stop_server dhcp
