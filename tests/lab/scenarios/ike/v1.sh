# IKE version 1: two gateways agree on keys in main mode and part again; then in aggressive mode, which shows who they are.
# packages: charon-systemd strongswan-swanctl
. "$LAB_HERE/servers/ike.sh"
proposals='proposals = aes128-sha256-modp2048'
gateway server $SERVER $CLIENT 1 tru-so@tinh.example tram@tinh.example Hoa-Sen-1 "$proposals"
gateway client $CLIENT $SERVER 1 tram@tinh.example tru-so@tinh.example Hoa-Sen-1 "$proposals"
sleep 2
agree
part
stop_gateways
aggressive="$proposals
 aggressive = yes"
gateway server $SERVER $CLIENT 1 tru-so@tinh.example tram@tinh.example Hoa-Sen-1 "$aggressive"
gateway client $CLIENT $SERVER 1 tram@tinh.example tru-so@tinh.example Hoa-Sen-1 "$aggressive"
sleep 2
agree
part
stop_gateways
