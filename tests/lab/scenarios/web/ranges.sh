# A file fetched in ranges, the last one first and each in a connection of its own, as download helpers do.
# packages: nginx-light curl
mkdir -p nginx3
printf 'pid %s/run/nginx3.pid;\nerror_log /dev/null;\nevents {}\nhttp { access_log /dev/null; client_body_temp_path %s/nginx3; proxy_temp_path %s/nginx3; fastcgi_temp_path %s/nginx3; uwsgi_temp_path %s/nginx3; scgi_temp_path %s/nginx3; server { listen %s:8083; root %s/www; } }\n' \
    "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" $SERVER "$LAB_DIR" >nginx3.conf
serve server nginx3 nginx -c "$LAB_DIR/nginx3.conf" -g 'daemon off;'
wait_port client $SERVER 8083
for range in 4000- 0-1999 2000-4499; do
    from client curl -s -o /dev/null -r $range http://$SERVER:8083/setup.exe
done
stop_server nginx3
