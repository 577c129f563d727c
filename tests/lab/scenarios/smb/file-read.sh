# Ordinary use of a shared folder: listing, reading two documents and writing one.
# packages: smbclient samba
from client smbclient //$SERVER/tai-lieu -p 445 -U root%Lab-2026 -c "ls; get lich-truc.txt $LAB_DIR/smb1; get bao-cao.doc $LAB_DIR/smb2; put $LAB_DIR/smb1 ban-sao.txt"
