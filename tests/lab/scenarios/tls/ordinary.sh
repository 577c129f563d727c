# Ordinary HTTPS: TLS 1.2 and 1.3 with a name (SNI), ALPN and a certificate by the unit's own authority.
# packages: curl openssl nginx-light
web=(curl -s -o /dev/null --resolve $PORTAL:443:$SERVER --cacert "$LAB_DIR/tls/ca.pem")
from client "${web[@]}" --tlsv1.3 https://$PORTAL/
from client "${web[@]}" --tls-max 1.2 https://$PORTAL/
from client "${web[@]}" --http1.1 --tls-max 1.2 https://$PORTAL/long.html
echo | from client openssl s_client -connect $SERVER:443 -servername $PORTAL -alpn http/1.1 -tls1_3 -CAfile "$LAB_DIR/tls/ca.pem"
