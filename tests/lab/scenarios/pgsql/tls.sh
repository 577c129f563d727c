# PostgreSQL: TLS asked for and given, so that nothing more can be read; and asked for where there is none.
# packages: postgresql-15 postgresql-client-15
bin=/usr/lib/postgresql/15/bin
rm -rf pgsql2 && mkdir -p pgsql2 && cp tls/portal.pem tls/portal.key pgsql2/ && chown -R postgres pgsql2 && chmod 600 pgsql2/portal.key
printf 'Hoa-Sen-1' >pgsql.pw && chown postgres pgsql.pw
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as $bin/initdb -D "$LAB_DIR/pgsql2/db" -U an -A scram-sha-256 --pwfile="$LAB_DIR/pgsql.pw" -E UTF8 --locale=C --no-sync
printf 'host all all 192.168.10.0/24 scram-sha-256\n' >>pgsql2/db/pg_hba.conf
printf "fsync = off\nssl_cert_file = '%s/pgsql2/portal.pem'\nssl_key_file = '%s/pgsql2/portal.key'\n" "$LAB_DIR" "$LAB_DIR" >>pgsql2/db/postgresql.conf
postgres() { serve server "$1" setpriv --reuid=postgres --regid=postgres --clear-groups $bin/postgres -D "$LAB_DIR/pgsql2/db" -h $SERVER -k "$LAB_DIR/pgsql2" -c ssl="$2"; }
export PGPASSWORD=Hoa-Sen-1
for ssl in on off; do
    postgres "pgsql-$ssl" $ssl
    wait_port server $SERVER 5432
    sleep 0.5
    from client psql "host=$SERVER user=an dbname=postgres sslmode=prefer gssencmode=disable" -c 'SELECT 1'
    stop_server "pgsql-$ssl"
    sleep 1
done
