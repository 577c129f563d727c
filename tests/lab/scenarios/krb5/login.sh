# Kerberos: a ticket for a person, one for a service, a name that nobody has, and weak encryption asked for.
# packages: krb5-kdc krb5-user
rm -rf krb5 && mkdir -p krb5
printf '[libdefaults]\ndefault_realm = TINH.EXAMPLE\ndns_lookup_kdc = false\nrdns = false\nallow_weak_crypto = true\n[realms]\nTINH.EXAMPLE = {\n kdc = %s\n}\n' $SERVER >krb5/krb5.conf
printf '[kdcdefaults]\nkdc_listen = %s:88\nkdc_tcp_listen = %s:88\n[realms]\nTINH.EXAMPLE = {\n database_name = %s/krb5/db\n key_stash_file = %s/krb5/stash\n supported_enctypes = aes256-cts:normal arcfour-hmac:normal\n}\n' \
    $SERVER $SERVER "$LAB_DIR" "$LAB_DIR" >krb5/kdc.conf
export KRB5_CONFIG="$LAB_DIR/krb5/krb5.conf" KRB5_KDC_PROFILE="$LAB_DIR/krb5/kdc.conf" KRB5CCNAME="$LAB_DIR/krb5/cc"
kdb5_util create -s -P chinh -r TINH.EXAMPLE
kadmin.local addprinc -pw Hoa-Sen-1 an
kadmin.local addprinc -randkey http/cong.tinh.example
serve server kdc krb5kdc -n -P "$LAB_DIR/krb5/pid"
sleep 1
printf 'Hoa-Sen-1\n' | from client kinit an
from client kvno http/cong.tinh.example
printf 'x\n' | from client kinit khongco
from client kvno -e arcfour-hmac http/cong.tinh.example
stop_server kdc
