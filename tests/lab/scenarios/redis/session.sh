# A Redis client without and with its password, and an attempt to write a key for SSH through the database.
# packages: redis-server redis-tools
serve server redis redis-server --bind $SERVER --port 6379 --save '' --requirepass BiMat99 --dir "$LAB_DIR"
wait_port client $SERVER 6379
from client redis-cli -h $SERVER PING
from client redis-cli --no-auth-warning -h $SERVER -a BiMat99 SET khoa 'gia tri'
from client redis-cli --no-auth-warning -h $SERVER -a BiMat99 KEYS '*'
from attacker redis-cli --no-auth-warning -h $SERVER -a BiMat99 CONFIG SET dir /root/.ssh
(printf 'AUTH BiMat99\r\nINFO server\r\nQUIT\r\n'; sleep 0.5) | from client ncat $SERVER 6379
stop_server redis
