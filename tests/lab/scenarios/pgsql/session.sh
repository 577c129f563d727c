# PostgreSQL: a wrong password, then statements that succeed and fail.
# packages: postgresql-15 postgresql-client-15
bin=/usr/lib/postgresql/15/bin
rm -rf pgsql && mkdir -p pgsql && chown postgres pgsql
printf 'Hoa-Sen-1' >pgsql.pw && chown postgres pgsql.pw
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as $bin/initdb -D "$LAB_DIR/pgsql/db" -U an -A md5 --pwfile="$LAB_DIR/pgsql.pw" -E UTF8 --locale=C --no-sync
printf 'host all all 192.168.10.0/24 md5\n' >>pgsql/db/pg_hba.conf
printf "password_encryption = 'md5'\nfsync = off\n" >>pgsql/db/postgresql.conf
serve server pgsql setpriv --reuid=postgres --regid=postgres --clear-groups $bin/postgres -D "$LAB_DIR/pgsql/db" -h $SERVER -k "$LAB_DIR/pgsql"
wait_port client $SERVER 5432
sql() { from client psql "host=$SERVER user=an dbname=postgres sslmode=disable" "$@"; }
PGPASSWORD=sai sql -c 'SELECT 1'
export PGPASSWORD=Hoa-Sen-1
sql -c "CREATE TABLE nguoi (ten text)" -c "INSERT INTO nguoi VALUES ('An'), ('Binh')" -c "SELECT * FROM nguoi WHERE ten = '' OR 1=1" -c 'SELECT sai'
sql -c '\copy nguoi TO STDOUT'
stop_server pgsql
