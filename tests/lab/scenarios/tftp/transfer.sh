# A device's configuration read and written over TFTP, and a file that is not there.
# packages: atftpd atftp
mkdir -p tftp && chmod 777 tftp
printf 'hostname bo-dinh-tuyen\n' >tftp/cau-hinh.txt && chmod 666 tftp/cau-hinh.txt
serve server tftp atftpd --daemon --no-fork --bind-address $SERVER --user root.root --port 69 "$LAB_DIR/tftp"
sleep 0.7
from client atftp --get -r cau-hinh.txt -l nhan.txt $SERVER
from client atftp --put -l nhan.txt -r cau-hinh.txt $SERVER
from client atftp --get -r khong-co -l x $SERVER
stop_server tftp
