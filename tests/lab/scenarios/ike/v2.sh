# IKE version 2: two gateways agree on keys and part again; then the secrets differ; then they have no proposal in common.
# packages: charon-systemd strongswan-swanctl
. "$LAB_HERE/servers/ike.sh"
proposals='proposals = aes128-sha256-modp2048'
gateway server $SERVER $CLIENT 2 tru-so@tinh.example tram@tinh.example Hoa-Sen-1 "$proposals"
gateway client $CLIENT $SERVER 2 tram@tinh.example tru-so@tinh.example Hoa-Sen-1 "$proposals"
sleep 2
agree
part
stop_gateways
gateway server $SERVER $CLIENT 2 tru-so@tinh.example tram@tinh.example Hoa-Sen-1 "$proposals"
gateway client $CLIENT $SERVER 2 tram@tinh.example tru-so@tinh.example sai "$proposals"
sleep 2
agree
stop_gateways
gateway server $SERVER $CLIENT 2 tru-so@tinh.example tram@tinh.example Hoa-Sen-1 "$proposals"
gateway client $CLIENT $SERVER 2 tram@tinh.example tru-so@tinh.example Hoa-Sen-1 'proposals = aes256-sha512-modp4096'
sleep 2
agree
stop_gateways
