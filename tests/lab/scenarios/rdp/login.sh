# Remote desktops: a log-in with TLS and one with RDP's own security, and one that the server has no security for.
# packages: xrdp freerdp2-x11 xvfb
# packets: 150
mkdir -p xrdp
cp tls/portal.pem tls/portal.key xrdp/
printf '[Globals]\nini_version=1\nfork=true\nport=tcp://%s:3389\nuse_vsock=false\ntcp_nodelay=true\nsecurity_layer=negotiate\ncrypt_level=high\ncertificate=%s/xrdp/portal.pem\nkey_file=%s/xrdp/portal.key\nssl_protocols=TLSv1.2, TLSv1.3\nmax_bpp=16\nchannel_code=1\nautorun=\n[Logging]\nLogFile=%s/xrdp/log\nLogLevel=INFO\nEnableSyslog=false\n[Channels]\n[Xorg]\nname=Xorg\nlib=libxup.so\nusername=ask\npassword=ask\nport=-1\n' \
    192.168.10.105 "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" >xrdp/xrdp.ini
serve server xrdp xrdp --nodaemon --config "$LAB_DIR/xrdp/xrdp.ini"
serve client x3 Xvfb :83 -screen 0 640x480x16 -nolisten tcp
wait_port server 192.168.10.105 3389
sleep 1
rdp() { DISPLAY=:83 HOME="$LAB_DIR/xrdp" LAB_SECONDS=3 from client xfreerdp /v:192.168.10.105 /u:canbo /p:MatKhau1 /d:TINH /cert:ignore /client-hostname:MAYTRAM /w:320 /h:200 /bpp:8 "$@"; }
rdp /sec:tls
rdp /sec:rdp
rdp /sec:nla
stop_server xrdp
stop_server x3
