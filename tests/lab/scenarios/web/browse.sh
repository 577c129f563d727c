# Ordinary browsing: pages, style sheet and script over one kept-alive connection, compressed pages,
# a HEAD, a conditional request, a chunked answer, an accented address and a page that is not there.
# packages: curl nginx-light python3
agent='Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0'
web=(curl -s --resolve $PORTAL:80:$SERVER -A "$agent" --compressed)
from client "${web[@]}" http://$PORTAL/ http://$PORTAL/site.css http://$PORTAL/site.js http://$PORTAL/long.html
from client "${web[@]}" -I http://$PORTAL/index.html
from client "${web[@]}" -z 'tomorrow' http://$PORTAL/index.html
from client "${web[@]}" http://$PORTAL/app/xuat
from client "${web[@]}" "http://$PORTAL/app/tim?q=th%E1%BB%A7+t%E1%BB%A5c+and+select+from+union"
from client "${web[@]}" http://$PORTAL/khong-co.html
from client curl -s -A "$agent" "http://[$SERVER6]/"
