# Ordinary software update: a package fetched by name from an outside mirror, whole and then in part.
# packages: curl wget python3
from client curl -s -o /dev/null --resolve kho.example:80:$INTERNET -A 'Debian APT-HTTP/1.3 (2.6.1)' http://kho.example/update.deb
from client wget -q -O /dev/null --no-dns-cache --header 'Host: kho.example' -U 'Debian APT-HTTP/1.3 (2.6.1)' http://$INTERNET/update.deb
from client curl -s -o /dev/null --resolve kho.example:80:$INTERNET http://kho.example/update.deb
