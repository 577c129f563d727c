# A look for old protocols and weak ciphers on a server with sslscan, SSLv3 included.
# packages: sslscan nginx-light
# packets: 500
from attacker sslscan --no-colour --no-heartbleed --no-groups --no-cipher-details $SERVER:443
