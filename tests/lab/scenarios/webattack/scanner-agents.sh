# Scanners that Debian 12 has not (nikto, nuclei, wpscan) and masscan's
# banner grabber: their first requests, sent with curl under
# the agent names that those programs give themselves.
# packages: curl nginx-light
from attacker curl -s -A 'Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:000001)' http://$SERVER/
from attacker curl -s -A 'Nuclei - Open-source project (github.com/projectdiscovery/nuclei)' http://$SERVER/
from attacker curl -s -A 'WPScan v3.8.25 (https://wpscan.com/wordpress-security-scanner)' http://$SERVER/wp-login.php
from attacker curl -s -A 'masscan/1.3 (https://github.com/robertdavidgraham/masscan)' http://$SERVER/
