# Ordinary use of forms: a feedback form, a search and a picture sent as multipart data.
# packages: curl nginx-light python3
agent='Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36'
web=(curl -s --resolve $PORTAL:80:$SERVER -A "$agent")
from client "${web[@]}" -d 'ho_ten=Nguyen+Van+A&noi_dung=Toi+muon+hoi+ve+thu+tuc+dat+dai%3B+cam+on' http://$PORTAL/app/gop-y
from client "${web[@]}" -H 'Content-Type: application/json' -d '{"tu_khoa":"select one or more","trang":1}' http://$PORTAL/app/tim-kiem
head -c 6000 "$LAB_DIR/www/update.deb" >"$LAB_DIR/anh.png"
from client "${web[@]}" -F 'mo_ta=anh chup' -F "tep=@$LAB_DIR/anh.png;type=image/png" http://$PORTAL/app/tai-len
