# NFS version 3: a file written, listed, read back, renamed and removed, a folder made, and a file that is not there.
# packages: nfs-ganesha nfs-ganesha-mem rpcbind libnfs-utils libnfs13 python3
. "$LAB_HERE/servers/nfs.sh"
share 3
url() { echo "nfs://$SERVER/kho/$1?version=3&uid=1000&gid=1000"; }
from client nfs-cp share/lich-truc.txt "$(url lich-truc.txt)"
from client nfs-ls "$(url '')"
from client nfs-cat "$(url lich-truc.txt)"
from client /usr/bin/python3 "$LAB_HERE/servers/nfs_names.py" "$(url '')"
from client nfs-cat "$(url khong-co.txt)"
stop_share
