# A printer announces itself by multicast DNS, and its name is looked up.
# packages: avahi-daemon bind9-dnsutils
printf '[server]\nhost-name=mayin\nuse-ipv6=no\nallow-interfaces=eth0\nenable-dbus=no\n[publish]\npublish-workstation=yes\n' >avahi.conf
serve server avahi avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$LAB_DIR/avahi.conf"
sleep 2.5
from client dig +time=1 +tries=1 -p 5353 @224.0.0.251 mayin.local A
from client dig +time=1 +tries=1 -p 5353 @$SERVER _services._dns-sd._udp.local PTR
stop_server avahi
