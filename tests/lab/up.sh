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

# The switch: a bridge for the outside and one for the inner network. They flood every frame to every
# port, as a hub does, so that the tap hears what is switched and what is routed.
for bridge in wan0 lan0; do
    ip -n ml-switch link add "$bridge" type bridge mcast_snooping 0 ageing_time 0
    # A bridge in promiscuous mode hands every frame that it forwards to listeners on itself.
    ip -n ml-switch link set "$bridge" up promisc on
done

# plain <namespace> <interface>: frames look like frames on a cable: real checksums, no merged segments.
plain() {
    ip netns exec "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null
}

# join <host> <interface> <address/prefix> <bridge>
join() {
    local ns="ml-$1" port="$1-$4"
    ip link add "$2" netns "$ns" type veth peer name "$port" netns ml-switch
    ip -n ml-switch link set "$port" master "$4" up
    ip -n "$ns" addr add "$3" dev "$2"
    ip -n "$ns" link set "$2" up
    plain "$ns" "$2"
    plain ml-switch "$port"
}
join gate wan0 203.0.113.1/24 wan0
join gate lan0 192.168.10.1/24 lan0
ip netns exec ml-gate sysctl -q -w net.ipv4.ip_forward=1
join attacker eth0 $ATTACKER/24 wan0
join internet eth0 $INTERNET/24 wan0
join server eth0 $SERVER/24 lan0
join client eth0 $CLIENT/24 lan0
for host in attacker internet; do ip -n "ml-$host" route add default via 203.0.113.1; done
for host in server client; do ip -n "ml-$host" route add default via 192.168.10.1; done

# ml-tap, outside the namespaces, is the sensor's ear: a port of the inner network without address.
ip link add $HOST_TAP type veth peer name tap-lan0 netns ml-switch
sysctl -q -w "net.ipv6.conf.$HOST_TAP.disable_ipv6=1"
ethtool -K $HOST_TAP gro off >/dev/null
ip link set $HOST_TAP up promisc on
ip -n ml-switch link set tap-lan0 master lan0 up
plain ml-switch tap-lan0

ip -n ml-server addr add $SERVER6/64 dev eth0 nodad
ip -n ml-client addr add $CLIENT6/64 dev eth0 nodad

# Half-open connections of a flood are not answered for a minute after it.
ip netns exec ml-server sysctl -q -w net.ipv4.tcp_synack_retries=0

# A row of quiet machines, so that a sweep over the network meets more than two hosts.
for last in $(seq 100 140); do
    ip -n ml-server addr add 192.168.10.$last/24 dev eth0
done

"$LAB_HERE/servers/start.sh"
