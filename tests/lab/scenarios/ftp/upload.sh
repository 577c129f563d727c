# FTP with a name: a file sent in active mode and one in passive mode, a listing, a removal, a wrong password; then after AUTH TLS.
# packages: curl vsftpd libpam-pwdfile
mkdir -p ftp2/goc
chown ftp ftp2/goc
sed -e "s|listen_address=.*|listen_address=192.168.10.107|; s|anonymous_enable=YES|anonymous_enable=NO|" vsftpd.conf >ftp2/vsftpd.conf
printf 'write_enable=YES\nguest_enable=YES\nguest_username=ftp\nvirtual_use_local_privs=YES\nallow_writeable_chroot=YES\nlocal_root=%s/ftp2/goc\npam_service_name=lab-ftp\nconnect_from_port_20=YES\nssl_enable=YES\nforce_local_logins_ssl=NO\nforce_local_data_ssl=NO\nrsa_cert_file=%s/tls/portal.pem\nrsa_private_key_file=%s/tls/portal.key\nrequire_ssl_reuse=NO\n' \
    "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" >>ftp2/vsftpd.conf
# Inside the server's mount namespace there is one account: canbo.
printf 'canbo:%s\n' "$(openssl passwd -6 MatKhau1)" >ftp2/passwd
printf 'auth required pam_pwdfile.so pwdfile=%s/ftp2/passwd\naccount required pam_permit.so\n' "$LAB_DIR" >ftp2/pam
serve server ftp2 unshare --mount sh -c "mount -t tmpfs tmpfs /etc/pam.d && cp $LAB_DIR/ftp2/pam /etc/pam.d/lab-ftp && exec vsftpd $LAB_DIR/ftp2/vsftpd.conf"
wait_port server 192.168.10.107 21
ftp() { from client curl -s -u canbo:MatKhau1 "$@"; }
ftp -P - -T share/lich-truc.txt ftp://192.168.10.107/lich-truc.txt
ftp -T share/lich-truc.txt ftp://192.168.10.107/cu/ban-sao.txt --ftp-create-dirs
ftp ftp://192.168.10.107/
ftp -Q '-DELE lich-truc.txt' -o /dev/null ftp://192.168.10.107/cu/ban-sao.txt
from client curl -s -u canbo:sai ftp://192.168.10.107/
ftp -k --ssl-reqd ftp://192.168.10.107/cu/ban-sao.txt
stop_server ftp2
