# A mail with an attachment, one to nobody, and one after STARTTLS.
# packages: swaks libnet-ssleay-perl python3-aiosmtpd
cp www/setup.exe hoadon.exe
printf 'import asyncio,ssl,sys\nfrom aiosmtpd.controller import Controller\nfrom aiosmtpd.handlers import Sink\nc=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)\nc.load_cert_chain("tls/portal.pem","tls/portal.key")\nController(Sink(),hostname=sys.argv[1],port=25,tls_context=c).start()\nimport time\ntime.sleep(60)\n' >smtpd.py
serve server smtp /usr/bin/python3 smtpd.py $SERVER
wait_port client $SERVER 25
send() { from client swaks -s $SERVER --silent 3 --ehlo maytram --from an@tinh.example "$@"; }
send --to canbo@tinh.example --header 'Subject: Hoa don' --body 'Xem http://tai-ve.example/x.exe' --attach-name hoadon.exe --attach @hoadon.exe
send --to 'khong hop le' --header 'Subject: x' --body x
send --to canbo@tinh.example --tls --header 'Subject: kin' --body kin
stop_server smtp
