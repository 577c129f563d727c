# A screen looked at with VNC: a right password and a wrong one.
# packages: x11vnc xvfb tigervnc-viewer
# packets: 60
x11vnc -storepasswd mo vnc.pass
printf '\x00' >vnc.bad
serve server x1 Xvfb :81 -screen 0 160x120x8 -nolisten tcp
serve client x2 Xvfb :82 -screen 0 320x240x24 -nolisten tcp
sleep 1.5
serve server vnc x11vnc -display :81 -rfbauth "$LAB_DIR/vnc.pass" -listen $SERVER -forever -noipv6 -quiet
wait_port client $SERVER 5900
DISPLAY=:82 LAB_SECONDS=3 from client xtigervncviewer -PasswordFile="$LAB_DIR/vnc.pass" $SERVER::5900
x11vnc -storepasswd sai vnc.bad
DISPLAY=:82 LAB_SECONDS=2 from client xtigervncviewer -PasswordFile="$LAB_DIR/vnc.bad" $SERVER::5900
stop_server vnc
stop_server x2
stop_server x1
