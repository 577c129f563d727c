# A name looked up among neighbours (LLMNR) and answered falsely, as a tool that gathers log-ins does; the answer
# comes from a small program.
# packages: nmap python3
serve server llmnr python3 "$LAB_HERE/servers/llmnr.py" $SERVER
sleep 0.3
from client nmap -e eth0 --script llmnr-resolve --script-args 'llmnr-resolve.hostname=wpad,llmnr-resolve.timeout=1' -sn -n $SERVER
stop_server llmnr
