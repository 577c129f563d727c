# Ordinary SSH: two log-ins with a key, a command and a small file copied.
# packages: openssh-client openssh-server
key=(-F none -i "$LAB_DIR/ssh/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes)
from client ssh "${key[@]}" root@$SERVER uptime
from client scp "${key[@]}" root@$SERVER:"$LAB_DIR/share/lich-truc.txt" "$LAB_DIR/nhan.txt"
