# mailbox <imap|pop3> <port> <address>: starts dovecot with one mail in it; sourced by scenarios.
mailbox() {
    local home="$LAB_DIR/mailbox-$1"
    mkdir -p "$home/mail/new" "$home/mail/cur" "$home/mail/tmp"
    printf 'From: an@tinh.example\r\nTo: canbo@tinh.example\r\nSubject: Lich hop\r\n\r\nChieu nay.\r\n' >"$home/mail/new/1.mail"
    chown -R mail:mail "$home/mail"
    printf 'canbo:{PLAIN}MatKhau1:8:8::%s\n' "$home" >"$home/users"
    chmod 644 "$home/users"
    sed -e "s|$LAB_DIR/dovecot/|$home/|g; s|pop3|$1|g; s|port = 110|port = $2|; s|^listen.*|listen = $3|; s|^ssl = no|ssl = yes|" \
        "$LAB_DIR/dovecot/dovecot.conf" >"$home/dovecot.conf"
    printf 'ssl_cert = <%s\nssl_key = <%s\n' "$LAB_DIR/tls/portal.pem" "$LAB_DIR/tls/portal.key" >>"$home/dovecot.conf"
    serve server "mailbox-$1" dovecot -F -c "$home/dovecot.conf"
    wait_port client "$3" "$2"
}
