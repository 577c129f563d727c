# Recognition of a site's software with whatweb.
# packages: whatweb nginx-light
from attacker whatweb --color=never http://$SERVER/
