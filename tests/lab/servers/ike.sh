# Two strongSwan daemons that agree on keys; sourced by scenarios. Each has a /run of its own, so that neither
# meets the other nor a daemon of the machine.

# gateway <host> <address> <other address> <version> <identity> <other identity> <secret> <more lines of the connection>
gateway() {
    local host="$1" folder="$LAB_DIR/ike-$1"
    mkdir -p "$folder"
    printf 'charon-systemd {\n install_routes = no\n i_dont_care_about_security_and_use_aggressive_mode_psk = yes\n plugins {\n  bypass-lan { load = no }\n  kernel-libipsec { load = no }\n  vici { socket = unix://%s/vici }\n }\n journal { default = -1 }\n filelog { out { path = %s/log\n default = 1 } }\n start-scripts { load = swanctl --load-all --uri unix://%s/vici --file %s/swanctl.conf }\n}\n' \
        "$folder" "$folder" "$folder" "$folder" >"$folder/strongswan.conf"
    printf 'connections { lab {\n version = %s\n mobike = no\n local_addrs = %s\n remote_addrs = %s\n %s\n local { auth = psk\n id = %s }\n remote { auth = psk\n id = %s }\n children { net { esp_proposals = aes128-sha256-modp2048\n local_ts = 10.%s.0.0/24\n remote_ts = 10.%s.0.0/24 } }\n} }\nsecrets { ike-lab { secret = %s } }\n' \
        "$4" "$2" "$3" "$8" "$5" "$6" "${2##*.}" "${3##*.}" "$7" >"$folder/swanctl.conf"
    serve "$host" "ike-$host" unshare --mount sh -c \
        "mount -t tmpfs tmpfs /run && STRONGSWAN_CONF=$folder/strongswan.conf exec charon-systemd"
}

# agree: the client's gateway asks the server's for the network behind it.
agree() { LAB_SECONDS=8 from client swanctl --initiate --child net --timeout 4 --uri "unix://$LAB_DIR/ike-client/vici"; }
part() { LAB_SECONDS=4 from client swanctl --terminate --ike lab --timeout 2 --uri "unix://$LAB_DIR/ike-client/vici"; }

stop_gateways() {
    stop_server ike-client
    stop_server ike-server
    sleep 0.5
}
