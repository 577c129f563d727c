# TLS that deserves a look: a certificate with OpenSSL's default names, TLS 1.0, and server names of
# a mining pool, a dynamic DNS host and a remote-control service.
# packages: openssl curl sslscan
tls() { echo | from "$1" openssl s_client -connect "$2" "${@:3}"; }
tls client $INTERNET:443 -tls1_2 -servername kho.example
tls client $INTERNET:443 -tls1_3 -servername pool.supportxmr.com
tls client $INTERNET:443 -tls1_3 -servername may-quay.duckdns.org
tls client $INTERNET:443 -tls1_3 -servername relay-1.net.anydesk.com
tls client $SERVER:8444 -tls1 -cipher 'ALL@SECLEVEL=0'
