# A telephone call over UDP and one over TCP.
# packages: sip-tester
for transport in u1 t1; do
    serve server sip sipp -sn uas -i $SERVER -p 5060 -t $transport -bg -nostdin
    sleep 0.6
    from client sipp -sn uac $SERVER:5060 -i $CLIENT -p 5060 -t $transport -m 1 -d 100 -s 1001 -nostdin
    ip netns pids ml-server | xargs -r ps -o pid=,comm= -p | awk '$2 == "sipp" {print $1}' | xargs -r kill
    sleep 0.5
done
