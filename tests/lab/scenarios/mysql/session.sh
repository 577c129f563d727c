# MariaDB: a wrong password, then statements that succeed and fail, then the same client over TLS.
# packages: mariadb-server mariadb-client
rm -rf mysql && mkdir -p mysql && chown mysql mysql
mariadb-install-db --no-defaults --datadir="$LAB_DIR/mysql" --user=mysql --auth-root-authentication-method=normal --skip-test-db
cp tls/portal.pem tls/portal.key mysql/ && chown mysql mysql/portal.*
serve server mysql mariadbd --no-defaults --user=mysql --datadir="$LAB_DIR/mysql" --socket="$LAB_DIR/mysql/s" --bind-address=$SERVER \
    --skip-name-resolve --ssl-cert="$LAB_DIR/mysql/portal.pem" --ssl-key="$LAB_DIR/mysql/portal.key"
wait_port client $SERVER 3306
mariadb --no-defaults -S mysql/s -e "CREATE DATABASE kho; CREATE USER an@'%' IDENTIFIED BY 'Hoa-Sen-1'; GRANT ALL ON kho.* TO an@'%'"
sql() { from client mariadb --no-defaults -h $SERVER -u an "$@"; }
sql --skip-ssl -psai -e 'SELECT 1'
sql --skip-ssl -pHoa-Sen-1 kho -e "CREATE TABLE nguoi (ten VARCHAR(40)); INSERT INTO nguoi VALUES ('An'), ('Binh'); SELECT * FROM nguoi WHERE ten = '' OR 1=1; SELECT sai"
sql -pHoa-Sen-1 --ssl -e 'SELECT 2'
stop_server mysql
