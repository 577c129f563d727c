# Passwords guessed against remote desktop: a connection for each try. The listener takes the
# connection and says nothing, since Debian has no RDP server that suits; the tool is real.
# packages: ncat python3
for try in $(seq 24); do
    printf '\003\000\000\023\016\340\000\000\000\000\000\001\000\010\000\003\000\000\000' | from attacker ncat -w 1 $SERVER 3389
done
