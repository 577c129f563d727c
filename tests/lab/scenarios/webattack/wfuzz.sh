# A search for hidden folders with wfuzz.
# packages: wfuzz dirb nginx-light
head -n 40 /usr/share/dirb/wordlists/common.txt >"$LAB_DIR/words"
from attacker wfuzz -t 4 --hc 404 -w "$LAB_DIR/words" http://$SERVER/app/FUZZ
