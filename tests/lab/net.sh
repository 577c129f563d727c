# Names and helpers of the laboratory; sourced by up.sh, down.sh, scenario and capture-all.
#
#   ml-attacker 203.0.113.66 ─┐                        ┌─ ml-server 192.168.10.10
#                             ├─ wan0 ─ ml-gate ─ lan0 ┼─ ml-client 192.168.10.50
#   ml-internet 203.0.113.80 ─┘   (.1)       (.1)      └─ ml-tap
#
# wan0 and lan0 are bridges of ml-switch; ml-gate routes between them. Each frame of the inner network
# is seen once on lan0, and comes out of ml-tap in the machine's own namespace, where a live sensor can
# listen and still reach its collector.

set -euo pipefail

LAB_HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
LAB_DIR="${MATLUOI_LAB_DIR:-/tmp/matluoi-lab}"

ATTACKER=203.0.113.66
INTERNET=203.0.113.80
SERVER=192.168.10.10
CLIENT=192.168.10.50
SERVER6=fd10::10
CLIENT6=fd10::50
TAP_NETNS=ml-switch
TAP_DEVICE=lan0
HOST_TAP=ml-tap
NAMESPACES="ml-attacker ml-internet ml-server ml-client ml-gate ml-switch"

# Python with the packages of packages-pypi.txt.
LAB_PYTHON=/opt/matluoi-lab

# The names which the laboratory's programs look up; all lead into the laboratory.
PORTAL=dichvucong.tinh.example

# from <host> <command...>: runs a command inside ml-<host>, never longer than LAB_SECONDS.
from() {
    local host="$1"
    shift
    timeout --kill-after=2 "${LAB_SECONDS:-25}" ip netns exec "ml-$host" "$@"
}

# serve <host> <name> <command...>: starts a server in ml-<host>, its output in the log folder.
serve() {
    local host="$1" name="$2"
    shift 2
    mkdir -p "$LAB_DIR/log" "$LAB_DIR/pid"
    setsid ip netns exec "ml-$host" "$@" >"$LAB_DIR/log/$name.log" 2>&1 </dev/null &
    echo $! >"$LAB_DIR/pid/$name"
}

# stop_server <name>: ends what `serve` started.
stop_server() {
    local file="$LAB_DIR/pid/$1"
    if [ -e "$file" ]; then
        kill "$(cat "$file")" 2>/dev/null || true
        rm -f "$file"
    fi
}

# wait_port <host> <address> <port>: until a TCP port answers, five seconds at most.
wait_port() {
    local host="$1" address="$2" port="$3"
    for _ in $(seq 50); do
        if ip netns exec "ml-$host" bash -c "exec 3<>/dev/tcp/$address/$port" 2>/dev/null; then
            return 0
        fi
        sleep 0.1
    done
    echo "no answer on $address port $port" >&2
    return 1
}

need_root() {
    if [ "$(id -u)" != 0 ]; then
        echo "the laboratory makes network namespaces: run it as root" >&2
        exit 1
    fi
}
