#!/bin/bash
# Ends what runs inside the laboratory's namespaces, and removes them. Touches nothing else.
. "$(dirname "$0")/net.sh"
need_root
for ns in $NAMESPACES; do
    if [ -e "/run/netns/$ns" ]; then
        ip netns pids "$ns" | xargs -r kill 2>/dev/null || true
    fi
done
sleep 0.3
for ns in $NAMESPACES; do
    if [ -e "/run/netns/$ns" ]; then
        ip netns pids "$ns" | xargs -r kill -9 2>/dev/null || true
        ip netns del "$ns"
    fi
done
rm -rf "$LAB_DIR"
