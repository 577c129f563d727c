#!/bin/bash
# Makes the laboratory's network namespaces and starts its servers. Safe to run twice.
. "$(dirname "$0")/net.sh"
need_root
"$LAB_HERE/down.sh"
mkdir -p "$LAB_DIR"

for ns in $NAMESPACES; do
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    ip netns exec "$ns" sysctl -q -w net.ipv6.conf.default.dad_transmits=0 \
        net.ipv6.conf.default.router_solicitations=0 net.ipv4.ping_group_range="0 2147483647"
done

for bridge in wan0 lan0; do
    ip -n ml-gate link add "$bridge" type bridge mcast_snooping 0
    # A bridge in promiscuous mode hands every frame that it forwards to listeners on itself.
    ip -n ml-gate link set "$bridge" up promisc on
done
ip -n ml-gate addr add 203.0.113.1/24 dev wan0
ip -n ml-gate addr add 192.168.10.1/24 dev lan0
ip netns exec ml-gate sysctl -q -w net.ipv4.ip_forward=1

# join <host> <address/prefix> <bridge> <gateway>
join() {
    local ns="ml-$1" port="p-$1"
    ip link add eth0 netns "$ns" type veth peer name "$port" netns ml-gate
    ip -n ml-gate link set "$port" master "$3" up
    ip -n "$ns" addr add "$2" dev eth0
    ip -n "$ns" link set eth0 up
    ip -n "$ns" route add default via "$4"
    # Frames on the tap look like frames on a cable: real checksums, no merged segments.
    ip netns exec "$ns" ethtool -K eth0 tx off rx off tso off gso off gro off >/dev/null
    ip netns exec ml-gate ethtool -K "$port" tx off rx off tso off gso off gro off >/dev/null
}
join attacker $ATTACKER/24 wan0 203.0.113.1
join internet $INTERNET/24 wan0 203.0.113.1
join server $SERVER/24 lan0 192.168.10.1
join client $CLIENT/24 lan0 192.168.10.1
ip -n ml-server addr add $SERVER6/64 dev eth0 nodad
ip -n ml-client addr add $CLIENT6/64 dev eth0 nodad

# Half-open connections of a flood are not answered for a minute after it.
ip netns exec ml-server sysctl -q -w net.ipv4.tcp_synack_retries=0

# A row of quiet machines, so that a sweep over the network meets more than two hosts.
for last in $(seq 100 140); do
    ip -n ml-server addr add 192.168.10.$last/24 dev eth0
done

"$LAB_HERE/servers/start.sh"
