# A sensor reports its temperature to a broker, somebody listens, one with a wrong password is refused.
# packages: mosquitto mosquitto-clients
printf 'cam-bien:mo\n' >mqtt.users && mosquitto_passwd -U mqtt.users && chown mosquitto mqtt.users
printf 'listener 1883 %s\nallow_anonymous false\npassword_file %s/mqtt.users\n' $SERVER "$LAB_DIR" >mqtt.conf
serve server mqtt mosquitto -c "$LAB_DIR/mqtt.conf"
wait_port client $SERVER 1883
LAB_SECONDS=4 from internet mosquitto_sub -h $SERVER -u cam-bien -P mo -t 'nha/#' -C 1 -V mqttv5 &
listener=$!
sleep 1
from client mosquitto_pub -h $SERVER -u cam-bien -P mo -i nhiet-ke -t nha/bep/nhiet-do -m 31.5 -q 1
from client mosquitto_pub -h $SERVER -u cam-bien -P sai -t nha/bep -m x
wait $listener
stop_server mqtt
