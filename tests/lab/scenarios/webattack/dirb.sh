# A search for hidden folders with dirb, which calls itself an old browser.
# packages: dirb nginx-light
head -n 80 /usr/share/dirb/wordlists/common.txt >"$LAB_DIR/words"
from attacker dirb http://$SERVER/app/ "$LAB_DIR/words" -S -r
