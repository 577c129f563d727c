# HTTP/3: pages fetched over QUIC, from a server of another making than the client.
# packages: caddy python3
# pypi: aioquic
mkdir -p caddy
printf '{\n admin off\n auto_https off\n log {\n  output discard\n }\n}\nhttps://%s {\n bind %s\n tls %s/tls/portal.pem %s/tls/portal.key\n root * %s/www\n file_server\n}\n' \
    $PORTAL 192.168.10.104 "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" >caddy/Caddyfile
serve server caddy env HOME="$LAB_DIR/caddy" caddy run --adapter caddyfile --config "$LAB_DIR/caddy/Caddyfile"
wait_port server 192.168.10.104 443
from client "$LAB_PYTHON/bin/python3" "$LAB_HERE/servers/http3_client.py" 192.168.10.104 443 $PORTAL /index.html /khong-co
stop_server caddy
