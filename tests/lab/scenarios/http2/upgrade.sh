# HTTP/2 after an upgrade of HTTP/1.1, with pages compressed by gzip: one that is there, one that is not.
# packages: nghttp2-client nghttp2-proxy nginx-light
mkdir -p nginx3
printf 'pid %s/run/nginx3.pid;\nerror_log /dev/null;\nevents {}\nhttp { access_log /dev/null; gzip on; gzip_min_length 1; gzip_proxied any; client_body_temp_path %s/nginx3; proxy_temp_path %s/nginx3; fastcgi_temp_path %s/nginx3; uwsgi_temp_path %s/nginx3; scgi_temp_path %s/nginx3; server { listen 127.0.0.1:8083; root %s/www; } }\n' \
    "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" >nginx3.conf
serve server nginx3 nginx -c "$LAB_DIR/nginx3.conf" -g 'daemon off;'
serve server nghttpx nghttpx --conf=/dev/null --frontend="$SERVER,8084;no-tls" --backend=127.0.0.1,8083 --workers=1
wait_port server $SERVER 8084
from client nghttp --upgrade --null-out --header='accept-encoding: gzip' http://$SERVER:8084/long.html http://$SERVER:8084/khong-co
stop_server nghttpx
stop_server nginx3
