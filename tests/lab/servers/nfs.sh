# An NFS server with one share in memory; sourced by scenarios.

# share <3|4>: serves /kho in that version. Version 3 is found by the port mapper.
share() {
    mkdir -p ganesha
    printf 'MEM { Inode_Size = 4096; }\nNFS_CORE_PARAM { Bind_addr = %s; Protocols = %s; NFS_Port = 2049; MNT_Port = 20048; Enable_NLM = false; Enable_RQUOTA = false; }\nNFSv4 { Graceless = true; RecoveryBackend = fs_ng; RecoveryRoot = "%s/ganesha"; }\nEXPORT { Export_Id = 1; Path = /kho; Pseudo = /kho; Protocols = %s; Access_Type = RW; Squash = None; SecType = sys; Transports = TCP; FSAL { Name = MEM; } }\n' \
        $SERVER "$1" "$LAB_DIR" "$1" >ganesha/ganesha.conf
    serve server portmap rpcbind -f -h $SERVER
    sleep 0.5
    serve server nfs ganesha.nfsd -F -N EVENT -L "$LAB_DIR/ganesha/log" -p "$LAB_DIR/ganesha/pid" -f "$LAB_DIR/ganesha/ganesha.conf"
    wait_port server $SERVER 2049
    sleep 1
}

# A server that has not ended yet would answer for the next one.
stop_share() {
    local pid
    pid="$(cat "$LAB_DIR/pid/nfs")"
    stop_server nfs
    stop_server portmap
    timeout 10 tail --pid="$pid" -f /dev/null
}
