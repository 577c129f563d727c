# A search for hidden folders with gobuster and the word list of dirb.
# packages: gobuster dirb nginx-light
# packets: 900
head -n 150 /usr/share/dirb/wordlists/common.txt >"$LAB_DIR/words"
from attacker gobuster dir -q -t 4 -u http://$SERVER/app/ -w "$LAB_DIR/words"
