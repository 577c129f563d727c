# Certificates with the names that well-known attack frameworks and Tor relays use, made with OpenSSL
# and shown by its own server.
# packages: openssl
make() { openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$LAB_DIR/tls/$1.key" -out "$LAB_DIR/tls/$1.pem" -subj "$2"; }
make team "/C=Earth/ST=Cyberspace/L=Somewhere/O=cobaltstrike/OU=AdvancedPenTesting/CN=Major Cobalt Strike" || make team "/C=XX/ST=Cyberspace/L=Somewhere/O=cobaltstrike/OU=AdvancedPenTesting/CN=Major Cobalt Strike"
openssl req -newkey rsa:2048 -nodes -keyout "$LAB_DIR/tls/relay.key" -out "$LAB_DIR/tls/relay.csr" -subj "/CN=www.k3fq7xw2mzpa.net"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$LAB_DIR/tls/relayca.key" -out "$LAB_DIR/tls/relayca.pem" -subj "/CN=www.rj4v2h6tsq.com"
openssl x509 -req -in "$LAB_DIR/tls/relay.csr" -CA "$LAB_DIR/tls/relayca.pem" -CAkey "$LAB_DIR/tls/relayca.key" -CAcreateserial -days 30 -out "$LAB_DIR/tls/relay.pem"
for name in team relay; do
    serve internet "tls-$name" openssl s_server -accept $INTERNET:4433 -cert "$LAB_DIR/tls/$name.pem" -key "$LAB_DIR/tls/$name.key" -www -quiet
    sleep 0.5
    echo | from client openssl s_client -connect $INTERNET:4433 -tls1_2
    stop_server "tls-$name"
    sleep 0.3
done
