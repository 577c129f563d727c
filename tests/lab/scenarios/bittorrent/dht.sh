# Two BitTorrent clients find each other in the distributed hash table.
# packages: aria2
# packets: 80
link='magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567'
dht() {
    local at="$1"
    shift
    serve "$at" "dht-$at" aria2c -q --no-conf --dir="$LAB_DIR/run" --stop=15 --enable-dht --dht-listen-port=6881 --listen-port=6882 \
        --dht-file-path="$LAB_DIR/run/dht-$at" --bt-enable-lpd=false "$@" "$link"
}
dht server
dht client --dht-entry-point=$SERVER:6881
sleep 14
stop_server dht-client
stop_server dht-server
