# HTTP/2 without TLS, known before: a page fetched, and a form sent.
# packages: nginx-light curl
mkdir -p nginx2
printf 'pid %s/run/nginx2.pid;\nerror_log /dev/null;\nevents {}\nhttp { access_log /dev/null; client_body_temp_path %s/nginx2; proxy_temp_path %s/nginx2; fastcgi_temp_path %s/nginx2; uwsgi_temp_path %s/nginx2; scgi_temp_path %s/nginx2; server { listen %s:8082 http2; root %s/www; } }\n' \
    "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" $SERVER "$LAB_DIR" >nginx2.conf
serve server nginx2 nginx -c "$LAB_DIR/nginx2.conf" -g 'daemon off;'
wait_port client $SERVER 8082
from client curl -s -o /dev/null -o /dev/null --http2-prior-knowledge http://$SERVER:8082/index.html http://$SERVER:8082/khong-co
from client curl -s -o /dev/null --http2-prior-knowledge -F tep=@www/index.html http://$SERVER:8082/gui
stop_server nginx2
