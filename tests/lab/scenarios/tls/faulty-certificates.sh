# Certificates that a browser would refuse, shown by OpenSSL's own server: one that ended a year ago, one of another
# name than the client asks for, and one that nobody but itself has signed.
# packages: openssl faketime
sign() { # sign <name> <common name> [moment at which it is made]
    openssl req -newkey rsa:2048 -nodes -keyout "$LAB_DIR/tls/$1.key" -out "$LAB_DIR/tls/$1.csr" -subj "/O=Trung tam du lieu/CN=$2"
    printf 'subjectAltName=DNS:%s\n' "$2" >"$LAB_DIR/tls/$1.ext"
    faketime "${3:-1 hour ago}" openssl x509 -req -in "$LAB_DIR/tls/$1.csr" -CA "$LAB_DIR/tls/ca.pem" -CAkey "$LAB_DIR/tls/ca.key" -CAcreateserial -days 30 -extfile "$LAB_DIR/tls/$1.ext" -out "$LAB_DIR/tls/$1.pem"
}
sign ended $PORTAL "395 days ago"
sign other mail.tinh.example
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$LAB_DIR/tls/alone.key" -out "$LAB_DIR/tls/alone.pem" -subj "/CN=$PORTAL" -addext "subjectAltName=DNS:$PORTAL"
for name in ended other alone; do
    serve internet "tls-$name" openssl s_server -accept $INTERNET:4433 -cert "$LAB_DIR/tls/$name.pem" -key "$LAB_DIR/tls/$name.key" -www -quiet
    sleep 0.5
    echo | from client openssl s_client -connect $INTERNET:4433 -servername $PORTAL -tls1_2
    stop_server "tls-$name"
    sleep 0.3
done
