#!/bin/bash
# Starts the real servers of the laboratory; called by up.sh once the network stands.
. "$(dirname "$0")/../net.sh"
D="$LAB_DIR"
S="$LAB_HERE/servers"
mkdir -p "$D"/{www,log,pid,ftp,share,tls,ssh,samba,nginx,dovecot,run}
chmod 755 "$D" "$D"/{www,ftp,share}
export LAB_DIR SERVER INTERNET CLIENT

# fill <template> <file>: puts the laboratory's folder and addresses into a configuration file.
fill() {
    sed -e "s|@DIR@|$D|g" -e "s|@SERVER@|$SERVER|g" -e "s|@INTERNET@|$INTERNET|g" "$S/$1" >"$2"
}

# Certificates: an authority of our own, a portal certificate by it, and a careless self-signed one.
cd "$D/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout ca.key -out ca.pem \
    -subj "/C=VN/O=Trung tam du lieu tinh/CN=CA noi bo" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout portal.key -out portal.csr \
    -subj "/C=VN/O=So Thong tin/CN=$PORTAL" 2>/dev/null
printf 'subjectAltName=DNS:%s,IP:%s\n' "$PORTAL" "$SERVER" >portal.ext
openssl x509 -req -in portal.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 \
    -extfile portal.ext -out portal.pem 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout default.key -out default.pem \
    -subj "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd" 2>/dev/null

# Pages and files to serve.
cp "$S/www/"* "$D/www/"
for _ in $(seq 120); do cat "$S/www/index.html"; done >"$D/www/long.html"
head -c 40000 /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 >"$D/www/update.deb"
printf '!<arch>\ndebian-binary   ' | dd of="$D/www/update.deb" conv=notrunc status=none
# A file that begins as a Windows program does ("MZ", "This program cannot be run in DOS mode").
{ printf 'MZ\220\000\003\000\000\000\004\000\000\000\377\377\000\000'; head -c 48 /dev/zero
  printf '\016\037\272\016\000\264\011\315\041This program cannot be run in DOS mode.\r\r\n$'
  head -c 6000 "$D/www/update.deb"; } >"$D/www/invoice.jpg"
cp "$D/www/invoice.jpg" "$D/www/setup.exe"
cp "$D/www/update.deb" "$D/ftp/bao-cao.bin"
printf 'Lich truc thang nay\n' >"$D/share/lich-truc.txt"
head -c 20000 "$D/www/update.deb" >"$D/share/bao-cao.doc"
chmod -R a+rX "$D/www" "$D/ftp" "$D/share"

# Web: nginx in front of a small program (forms, uploads, a database).
fill nginx.conf "$D/nginx/nginx.conf"
serve server app python3 "$S/app.py" 127.0.0.1 8080
serve server nginx nginx -p "$D/nginx" -c "$D/nginx/nginx.conf" -g 'daemon off;'
serve internet web python3 "$S/app.py" $INTERNET 80 "$D/www"
serve internet tls openssl s_server -accept $INTERNET:443 -cert "$D/tls/default.pem" \
    -key "$D/tls/default.key" -www -quiet
serve server oldtls openssl s_server -accept $SERVER:8444 -cert "$D/tls/portal.pem" \
    -key "$D/tls/portal.key" -www -quiet -tls1 -cipher 'ALL@SECLEVEL=0'

# Names.
# resolver <host> <address>
resolver() {
    fill dnsmasq.conf "$D/dnsmasq-$1.conf"
    sed -i "s|@LISTEN@|$2|" "$D/dnsmasq-$1.conf"
    serve "$1" "dns-$1" dnsmasq --keep-in-foreground --conf-file="$D/dnsmasq-$1.conf" \
        --pid-file="$D/run/dnsmasq-$1.pid"
}
resolver server $SERVER
resolver internet $INTERNET

# Log-in services.
ssh-keygen -q -t ed25519 -N '' -f "$D/ssh/host"
ssh-keygen -q -t ed25519 -N '' -f "$D/ssh/user"
cp "$D/ssh/user.pub" "$D/ssh/authorized_keys"
fill sshd_config "$D/ssh/sshd_config"
mkdir -p /run/sshd
serve server ssh /usr/sbin/sshd -D -e -f "$D/ssh/sshd_config"
fill vsftpd.conf "$D/vsftpd.conf"
mkdir -p /var/run/vsftpd/empty
serve server ftp vsftpd "$D/vsftpd.conf"
fill smb.conf "$D/samba/smb.conf"
printf 'Lab-2026\nLab-2026\n' | smbpasswd -c "$D/samba/smb.conf" -s -a root >/dev/null
serve server smb smbd --foreground --no-process-group --configfile="$D/samba/smb.conf"
fill dovecot.conf "$D/dovecot/dovecot.conf"
printf 'canbo:{PLAIN}MatKhau1:0:0::%s/dovecot/home\n' "$D" >"$D/dovecot/users"
serve server pop3 dovecot -F -c "$D/dovecot/dovecot.conf"
serve server telnet python3 "$S/telnet.py" $SERVER 23
fill ngircd.conf "$D/ngircd.conf"
serve internet irc ngircd -n -f "$D/ngircd.conf"

# Protocols whose real server is not in Debian: a listener that speaks the same lines.
serve internet pool python3 "$S/stratum.py" $INTERNET 3333
serve server rdp python3 "$S/sink.py" $SERVER 3389 135
sed -e "s|$SERVER|$INTERNET|; s|^Port 22|Port 2222|; s|sshd.pid|sshd-out.pid|" "$D/ssh/sshd_config" >"$D/ssh/sshd_out"
serve internet ssh-out /usr/sbin/sshd -D -e -f "$D/ssh/sshd_out"
serve server winrm python3 "$S/app.py" $SERVER 5985

wait_port client $SERVER 80
wait_port client $SERVER 22
wait_port client $SERVER 21
wait_port client $SERVER 445
wait_port client $SERVER 110
wait_port client $INTERNET 80
wait_port client $INTERNET 443
wait_port client $INTERNET 3333
wait_port client $INTERNET 6667
