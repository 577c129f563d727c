# SSH to a server outside on a port that is not SSH's.
# packages: openssh-client openssh-server
from client ssh -F none -i "$LAB_DIR/ssh/user" -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes root@$INTERNET uptime
