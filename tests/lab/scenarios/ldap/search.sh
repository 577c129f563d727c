# A directory searched without and with a name, a wrong password, and a search after StartTLS.
# packages: slapd ldap-utils
rm -rf ldap && mkdir -p ldap/db
cp tls/portal.pem tls/portal.key tls/ca.pem ldap/
printf 'include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\ninclude /etc/ldap/schema/inetorgperson.schema\npidfile %s/ldap/pid\nmoduleload back_mdb\nTLSCertificateFile %s/ldap/portal.pem\nTLSCertificateKeyFile %s/ldap/portal.key\nTLSCACertificateFile %s/ldap/ca.pem\ndatabase mdb\nsuffix dc=tinh\nrootdn cn=admin,dc=tinh\nrootpw BiMat\ndirectory %s/ldap/db\n' \
    "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" "$LAB_DIR" >ldap/slapd.conf
serve server ldap /usr/sbin/slapd -d 0 -f "$LAB_DIR/ldap/slapd.conf" -h ldap://$SERVER
wait_port client $SERVER 389
printf 'dn: dc=tinh\nobjectClass: dcObject\nobjectClass: organization\no: Tinh\ndc: tinh\n\ndn: cn=An,dc=tinh\nobjectClass: inetOrgPerson\ncn: An\nsn: Nguyen\nmail: an@tinh.example\n' >ldap/tinh.ldif
admin="-x -H ldap://$SERVER -D cn=admin,dc=tinh"
from client ldapadd $admin -w BiMat -f ldap/tinh.ldif
from client ldapsearch -x -H ldap://$SERVER -b dc=tinh '(mail=*)' mail
from client ldapsearch $admin -w sai -b dc=tinh
LDAPTLS_REQCERT=never from client ldapsearch -ZZ $admin -w BiMat -b dc=tinh '(cn=An)'
stop_server ldap
