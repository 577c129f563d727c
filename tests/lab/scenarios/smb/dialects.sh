# SMB in its old dialects, 1 and 2.02: a listing, a file read, one written, renamed and removed; a wrong password; a share that is not there.
# packages: samba smbclient
sed -e "s|interfaces = .*|interfaces = 192.168.10.108|" -e "s|$LAB_DIR/samba|$LAB_DIR/smb1|g" samba/smb.conf >smb1.conf
mkdir -p smb1/ncalrpc
printf 'server min protocol = NT1\n' >smb1.global
sed -i '/^\[global\]/r smb1.global' smb1.conf
printf 'Lab-2026\nLab-2026\n' | smbpasswd -c "$LAB_DIR/smb1.conf" -s -a root
serve server smb1 smbd --foreground --no-process-group --configfile="$LAB_DIR/smb1.conf"
wait_port server 192.168.10.108 445
smb() { from client smbclient --option='client min protocol=NT1' //192.168.10.108/"$@"; }
for dialect in NT1 SMB2_02; do
    smb tai-lieu -m $dialect -U root%Lab-2026 -c "ls; get lich-truc.txt $LAB_DIR/smb1/nhan; put $LAB_DIR/smb1/nhan tam.txt; rename tam.txt cu.txt; del cu.txt"
done
smb tai-lieu -m NT1 -U root%sai -c ls
smb khong-co -m NT1 -U root%Lab-2026 -c ls
stop_server smb1
