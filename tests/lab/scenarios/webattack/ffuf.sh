# A search for hidden folders with ffuf.
# packages: ffuf dirb nginx-light
head -n 80 /usr/share/dirb/wordlists/common.txt >"$LAB_DIR/words"
from attacker ffuf -s -t 4 -u http://$SERVER/app/FUZZ -w "$LAB_DIR/words"
