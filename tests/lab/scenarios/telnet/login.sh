# A telnet client that negotiates, hands over its environment and fails to log in.
# packages: inetutils-telnet inetutils-telnetd socat
serve server telnetd socat TCP-LISTEN:23,bind=192.168.10.100,reuseaddr,fork EXEC:/usr/sbin/telnetd,nofork
sleep 0.5
(sleep 1.5; printf 'quantri\r'; sleep 1; printf 'Abc@123\r'; sleep 4) | USER=khach from client inetutils-telnet -E 192.168.10.100
stop_server telnetd
