# Names asked for over HTTP/2: with POST and with GET, a name that is not there, what is no question; then inside TLS.
# packages: unbound curl bind9-dnsutils python3
mkdir -p unbound
cp tls/portal.pem tls/portal.key unbound/
# doh <port> <tls or not>: a resolver that answers for one zone.
doh() {
    printf 'server:\n interface: %s@%s\n https-port: %s\n %s\n tls-service-key: %s/unbound/portal.key\n tls-service-pem: %s/unbound/portal.pem\n access-control: 192.168.10.0/24 allow\n username: ""\n chroot: ""\n pidfile: ""\n use-syslog: no\n do-daemonize: no\n module-config: "iterator"\n local-zone: "tinh.example." static\n local-data: "dichvucong.tinh.example. 3600 A 192.168.10.10"\n local-data: "dichvucong.tinh.example. 3600 AAAA fd10::10"\n' \
        192.168.10.103 "$1" "$1" "$2" "$LAB_DIR" "$LAB_DIR" >"unbound/$1.conf"
    serve server "unbound-$1" unbound -d -c "$LAB_DIR/unbound/$1.conf"
    wait_port server 192.168.10.103 "$1"
}
doh 8053 'http-notls-downstream: yes'
doh 443 'http-query-buffer-size: 64k'
question() { /usr/bin/python3 "$LAB_HERE/servers/question.py" "$@"; }
ask() { from client curl -s -o /dev/null --http2-prior-knowledge -H 'content-type: application/dns-message' -H 'accept: application/dns-message' "$@"; }
question dichvucong.tinh.example A >a.dns
question khong-co.tinh.example AAAA >aaaa.dns
ask --data-binary @a.dns http://192.168.10.103:8053/dns-query
ask "http://192.168.10.103:8053/dns-query?dns=$(base64 -w0 <aaaa.dns | tr '+/' '-_' | tr -d =)"
ask --data-binary 'khong phai DNS' http://192.168.10.103:8053/dns-query
from client curl -s -o /dev/null --doh-insecure --doh-url https://192.168.10.103/dns-query http://dichvucong.tinh.example/
stop_server unbound-443
stop_server unbound-8053
