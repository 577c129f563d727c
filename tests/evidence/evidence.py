"""Packets of flows, from the wire to the pcapng file, and the files in them: exactly those of the flow, over a cut, and why they are not there.
Records that stay on the sensor, found there over the API: all of them, over a cut, and which sensors answered.

usage: evidence.py FOLDER-OF-PROGRAMS [NAME...]
"""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "delivery"))
from bench import Collector, end_all, spawn, wait_until  # noqa: E402

PASSWORD = "Chứng-cứ-thử-nghiệm-2026"
MARKER = b"mat-luoi-evidence-marker"
RULE = f'alert tcp any any -> any 8000 (msg:"marker"; flow:established,to_server; content:"{MARKER.decode()}"; sid:9100001;)\n'
CLIENT, SERVER = "10.98.0.1", "10.98.0.2"
ETH_P_ALL = 3


class Wire:
    """A veth pair into a namespace with a server on port 8000; what passes is noted by a socket of our own."""

    def __init__(self, count):
        # A namespace that was deleted goes a moment later, so that each has a name of its own.
        number = f"{os.getpid() % 100_000}{count}"
        self.space, self.here, there = f"mlev{number}", f"mlev{number}a", f"mlev{number}b"
        ip = lambda *words: subprocess.run(["ip", *words], check=True)
        ip("netns", "add", self.space)
        ip("link", "add", self.here, "type", "veth", "peer", "name", there, "netns", self.space)
        ip("addr", "add", f"{CLIENT}/24", "dev", self.here)
        ip("-n", self.space, "addr", "add", f"{SERVER}/24", "dev", there)
        # Frames as on a cable: whole checksums, no merged segments.
        offload = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"]
        subprocess.run(["ethtool", "-K", self.here, *offload], check=True, capture_output=True)
        subprocess.run(["ip", "netns", "exec", self.space, "ethtool", "-K", there, *offload], check=True, capture_output=True)
        ip("link", "set", self.here, "up")
        ip("-n", self.space, "link", "set", there, "up")
        ip("-n", self.space, "link", "set", "lo", "up")
        echo = ("import socketserver\n"
                "class Echo(socketserver.StreamRequestHandler):\n"
                "    def handle(self):\n"
                "        while data := self.request.recv(65536): self.request.sendall(data)\n"
                "class Server(socketserver.ThreadingTCPServer): allow_reuse_address, daemon_threads = True, True\n"
                f"Server(('{SERVER}', 8000), Echo).serve_forever()\n")
        self.server = spawn(["ip", "netns", "exec", self.space, sys.executable, "-c", echo])
        self.frames = []
        self.ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.ear.bind((self.here, 0))
        self.ear.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        threading.Thread(target=self.listen, daemon=True).start()

        def answers():
            with contextlib.suppress(OSError), socket.create_connection((SERVER, 8000), timeout=1):
                return True
            return False
        wait_until("the server", answers)

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                self.frames.append(self.ear.recv(65_536))

    def talk(self, size, marked, pieces=1):
        """One session that sends so many bytes, and gets them back; its port."""
        with socket.create_connection((SERVER, 8000), timeout=30) as session:
            port = session.getsockname()[1]
            for piece in range(pieces):
                body = (MARKER if marked and piece == pieces // 2 else b"") + os.urandom(size // pieces)
                session.sendall(body)
                back = 0
                while back < len(body):
                    back += len(session.recv(1 << 20))
        return port

    def look_up(self, *names):
        """Asks for names where nobody answers: a record of each."""
        for name in names:
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.sendto(os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1", (SERVER, 53))
            # Slower than the capture: a datagram that is lost is no record.
            time.sleep(0.001)

    def serve_files(self, folder):
        """A web server of files on port 8080."""
        self.web = spawn(["ip", "netns", "exec", self.space, sys.executable, "-m", "http.server", "8080", "--bind", SERVER,
                          "--directory", folder])

        def answers():
            with contextlib.suppress(OSError), socket.create_connection((SERVER, 8080), timeout=1):
                return True
            return False
        wait_until("the web server", answers)

    def fetch(self, path):
        """Gets a file of that server; the port of the session, and what came."""
        web = http.client.HTTPConnection(SERVER, 8080, timeout=30)
        web.request("GET", path)
        port = web.sock.getsockname()[1]
        content = web.getresponse().read()
        web.close()
        return port, content

    def of(self, port):
        """Frames of a session, as they were noted."""
        def belongs(frame):
            if frame[12:14] != b"\x08\x00" or frame[23] != 6:
                return False
            at = 14 + (frame[14] & 15) * 4
            return port in struct.unpack("!HH", frame[at:at + 4])
        return [frame for frame in list(self.frames) if belongs(frame)]

    def close(self):
        self.ear.close()
        subprocess.run(["ip", "netns", "del", self.space])


class Analyst:
    """Who asks over the API."""

    def __init__(self, collector):
        subprocess.run([collector.program, "admin", "--data", collector.data, "user", "add", "an", "--role", "analyst",
                        "--password-stdin"], input=PASSWORD, text=True, check=True, capture_output=True)
        self.collector, self.headers = collector, {}

    def sign_in(self):
        connection, answer = self.send("POST", "/session", {"username": "an", "password": PASSWORD})
        self.headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "x-csrf-token": json.loads(answer.read())["csrf"]}
        connection.close()
        return self

    def send(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.collector.api, timeout=30)
        connection.request(method, "/api/v1" + path, json.dumps(body), {"Content-Type": "application/json", **self.headers})
        return connection, connection.getresponse()

    def ask(self, method, path, body=None):
        connection, answer = self.send(method, path, body)
        told = answer.read()
        connection.close()
        assert answer.status == 200, (method, path, answer.status, told)
        return json.loads(told) if answer.headers["Content-Type"] == "application/json" else told

    def alert_of(self, port):
        """Id of the event of the alert on the session with this port."""
        found = []

        def arrived():
            page = self.ask("GET", f"/search?q=event_type:alert%20AND%20src_port:{port}")
            found[:] = [event["matluoi"]["id"] for event in page["items"]]
            return found
        wait_until(f"the alert of port {port}", arrived)
        return found[0]

    def record_of(self, kind, port):
        """Id of a record of a kind on the session with this port."""
        found = []

        def arrived():
            page = self.ask("GET", f"/search?q=event_type:{kind}%20AND%20port:{port}")
            found[:] = [event["matluoi"]["id"] for event in page["items"]]
            return found
        wait_until(f"the {kind} record of port {port}", arrived)
        return found[0]

    def request(self, event):
        return self.ask("POST", f"/events/{event}/evidence", {"reason": "thử nghiệm"})["id"]

    def hunt(self, q, **more):
        return self.ask("POST", "/remote-hunts", {"q": q, "from": "now-1h", **more})["id"]

    def hunted(self, id):
        """The hunt once nothing more may come, and the names that were found."""
        wait_until(f"hunt {id}", lambda: not self.ask("GET", f"/remote-hunts/{id}")["open"])
        return self.ask("GET", f"/remote-hunts/{id}"), self.found(id)

    def found(self, id):
        items = self.ask("GET", f"/remote-hunts/{id}/events?limit=2000")["items"]
        assert all(item["matluoi"]["kept_at"] == "sensor" for item in items), items
        return [item["dns"]["queries"][0]["rrname"] for item in items if "dns" in item]

    def wait_for(self, id, *states):
        seen = []

        def reached():
            one = self.ask("GET", f"/evidence/{id}")
            if not seen or seen[-1]["state"] != one["state"]:
                seen.append(one)
            return one["state"] in states
        wait_until(f"evidence {id} to be {states}", reached)
        return self.ask("GET", f"/evidence/{id}")


def frames_of(pcapng):
    """Time and bytes of each packet."""
    found, at = [], 0
    while at < len(pcapng):
        kind, length = struct.unpack_from("<II", pcapng, at)
        if kind == 6:
            high, low, captured, _ = struct.unpack_from("<IIII", pcapng, at + 12)
            found.append((high << 32 | low, pcapng[at + 28:at + 28 + captured]))
        at += length
    return found


class Scene:
    def __init__(self, programs, folder, wire, more="", **evidence):
        self.programs, self.folder, self.wire = programs, folder, wire
        self.collector = Collector(programs, folder + "/collector")
        os.makedirs(self.collector.data)
        self.analyst = Analyst(self.collector)
        self.collector.start()
        self.analyst.sign_in()
        self.state, self.config = folder + "/sensor", folder + "/sensor.toml"
        sensor = os.path.join(programs, "matluoi-sensor")
        string = self.collector.admin("token", "--name", "cong", "--delivery", self.collector.delivery,
                                      "--enrolment", self.collector.enrolment)
        subprocess.run([sensor, "enrol", string, "--state-dir", self.state], check=True, capture_output=True)
        os.makedirs(folder + "/rules")
        with open(folder + "/rules/marker.rules", "w") as file:
            file.write(RULE)
        settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in evidence.items())
        with open(self.config, "w") as file:
            # What a busy machine has no time for is another test's.
            file.write(f'state_dir = "{self.state}"\n[run]\nuser = "nobody"\nshedding = "off"\n[input]\ninterface = "{wire.here}"\n'
                       f'[rules]\npaths = ["{folder}/rules"]\n[canary]\nseconds = 0\n'
                       f'[set]\n"outputs.eve-log.types.alert.metadata.rule.raw" = true\n[evidence]\n{settings}{more}')
        self.start_sensor()

    def start_sensor(self):
        program = os.path.join(self.programs, "matluoi-sensor")
        self.sensor = spawn([program, "run", "--config", self.config])

        def connected():
            return self.collector.sql("SELECT 1 FROM sensors WHERE connected AND stats IS NOT NULL")
        wait_until("the sensor", connected)
        # Its handle is open before it connects; a moment for the first poll.
        time.sleep(0.5)

    def alerted_session(self, size):
        """A session that was alerted on, and the event. A sensor that is behind leaves out new flows, so that it may take some."""
        ports, found = [], []

        def alerted():
            ports.append(self.wire.talk(size, True))
            page = self.analyst.ask("GET", "/search?q=event_type:alert&limit=200")
            found[:] = [(event["src_port"], event["matluoi"]["id"]) for event in page["items"] if event["src_port"] in ports]
            return found
        wait_until("an alert", alerted)
        return found[0]

    def stayed(self, records):
        """The sensor has told that it keeps so many records."""
        def told():
            [(count,)] = self.collector.sql("SELECT sum(count) FROM ledger_shed WHERE reason = 'stays'")
            return count == records
        return told

    def check_file(self, id, port):
        """The file has exactly the frames of the session, in the order of time, and our own reader takes it."""
        pcapng = self.analyst.ask("GET", f"/evidence/{id}/pcapng")
        told = self.analyst.ask("GET", f"/evidence/{id}")
        assert hashlib.sha256(pcapng).hexdigest() == told["sha256"]
        found = frames_of(pcapng)
        expected = self.wire.of(port)
        assert sorted(frame for _, frame in found) == sorted(expected), (len(found), len(expected))
        assert len(found) == told["frames"] == told["total_frames"], told
        assert [at for at, _ in found] == sorted(at for at, _ in found)
        with open(self.folder + "/found.pcapng", "wb") as file:
            file.write(pcapng)
        subprocess.run([os.path.join(self.programs, "matluoi-sensor"), "replay", self.folder + "/found.pcapng", "--out",
                        self.folder + "/replayed", "--rules", self.folder + "/rules"], check=True, capture_output=True)
        with open(self.folder + "/replayed/eve.json") as file:
            records = [json.loads(line) for line in file]
        flows = [record for record in records if record["event_type"] == "flow"]
        assert len(flows) == 1 and flows[0]["src_port"] == port, flows
        assert any(record["event_type"] == "alert" for record in records)
        return told


def the_flow_and_nothing_else(programs, folder, wire):
    """Of three sessions at once one alerts in its midst: its file has all its packets, those before the alert too."""
    scene = Scene(programs, folder, wire)
    quiet = [threading.Thread(target=wire.talk, args=(200_000, False, 4)) for _ in range(2)]
    for one in quiet:
        one.start()
    port = wire.talk(100_000, True, 5)
    for one in quiet:
        one.join()
    event = scene.analyst.alert_of(port)

    def known():
        return scene.analyst.ask("GET", f"/events/{event}/evidence")["state"] == "available"
    wait_until("availability", known)
    id = scene.analyst.request(event)
    scene.analyst.wait_for(id, "ready")
    scene.check_file(id, port)
    packets = scene.analyst.ask("GET", f"/evidence/{id}/packets?limit=5000")
    assert packets["items"][0]["flags"] == "S" and packets["total"] == len(wire.of(port)), packets["items"][0]
    talk = scene.analyst.ask("GET", f"/evidence/{id}/conversation")
    assert talk["client"] == f"{CLIENT}:{port}"
    assert sum(len(piece["marks"]) > 0 for piece in talk["pieces"] if piece["side"] == "client") >= 1
    audit = {action for action, in scene.collector.sql("SELECT action FROM audit")}
    assert {"evidence.request", "evidence.download"} <= audit, audit


def files_of_a_flow_without_an_alert(programs, folder, wire):
    """Full capture: packets of a flow that nothing alerted on, the files in them, one of them in a locked archive."""
    os.makedirs(folder + "/www")
    # More of a body than the sensor follows as it passes.
    contents = {"/tai-lieu.bin": b"MZ" + os.urandom(600_000), "/ngắn.txt": "một dòng\n".encode()}
    for name, content in contents.items():
        with open(folder + "/www" + name, "wb") as file:
            file.write(content)
    wire.serve_files(folder + "/www")
    scene = Scene(programs, folder, wire, mode="full")
    analyst = scene.analyst
    for name, content in contents.items():
        port, came = wire.fetch(urllib.parse.quote(name))
        assert came == content
        event = analyst.record_of("http", port)

        def known():
            told = analyst.ask("GET", f"/events/{event}/evidence")
            return told["state"] == "available" and told["mode"] == "full"
        wait_until("availability", known)
        id = analyst.request(event)
        analyst.wait_for(id, "ready")
        told = analyst.ask("GET", f"/evidence/{id}")
        assert told["frames"] == len(wire.of(port)), told
        # Other records of the flow tell of the same request.
        flow = analyst.record_of("flow", port)
        assert [one["id"] for one in analyst.ask("GET", f"/events/{flow}/evidence")["requests"]] == [id]
        files = analyst.ask("GET", f"/evidence/{id}/files")
        [file] = files["items"]
        assert (file["size"], file["state"], file["gaps"], file["held"]) == (len(content), "CLOSED", False, True), file
        for kind in ["md5", "sha1", "sha256"]:
            assert file[kind] == hashlib.new(kind, content).hexdigest(), (kind, file)
        archive = analyst.ask("POST", f"/evidence/{id}/files/{file['number']}", {"reason": "phân tích"})
        with open(folder + "/file.zip", "wb") as out:
            out.write(archive)
        opened = lambda *words: subprocess.run(["bsdtar", "-x", "-O", "-f", folder + "/file.zip", *words], capture_output=True)
        assert opened("--passphrase", files["password"], file["sha256"]).stdout == content
        assert opened("--passphrase", "sai").returncode != 0
    audit = scene.collector.sql("SELECT detail FROM audit WHERE action = 'evidence.file'")
    noted = {json.loads(detail)["sha256"] for detail, in audit}
    assert noted == {hashlib.sha256(content).hexdigest() for content in contents.values()}, audit
    # Where only flows with alerts are kept, it is told that this one is not.
    scene.sensor.terminate()
    scene.sensor.wait(30)
    with open(scene.config) as file:
        config = file.read()
    with open(scene.config, "w") as file:
        file.write(config.replace('mode = "full"', 'mode = "alerts"'))
    scene.start_sensor()
    port, _ = wire.fetch("/tai-lieu.bin")
    event = analyst.record_of("http", port)
    wait_until("it to be without an alert", lambda: analyst.ask("GET", f"/events/{event}/evidence")["state"] == "no_alert")


def over_a_cut(programs, folder, wire):
    """The collector is killed in the midst of an upload, and the sensor once more: it goes on where it was."""
    scene = Scene(programs, folder, wire, link_kilobits=800)
    port = wire.talk(600_000, True, 30)
    other = wire.talk(50_000, True)
    event = scene.analyst.alert_of(port)
    id = scene.analyst.request(event)

    def half_way(share):
        def reached():
            one = scene.analyst.ask("GET", f"/evidence/{id}")
            return one["state"] == "uploading" and one["frames"] > one["total_frames"] * share
        return reached
    wait_until("a part of it", half_way(0.2))
    scene.collector.kill()
    scene.collector.start()
    # Alerts do not wait for what is on its way.
    late = wire.talk(10_000, True)
    asked = time.monotonic()
    scene.analyst.alert_of(late)
    assert scene.analyst.ask("GET", f"/evidence/{id}")["state"] != "ready", "too fast for this test"
    print(f"  an alert came {time.monotonic() - asked:.1f} s after its flow, during an upload", flush=True)
    wait_until("more of it", half_way(0.5))
    scene.sensor.kill()
    scene.sensor.wait()
    scene.start_sensor()
    second = scene.analyst.request(scene.analyst.alert_of(other))
    scene.analyst.wait_for(id, "ready")
    scene.check_file(id, port)
    scene.analyst.wait_for(second, "ready")
    scene.check_file(second, other)


def why_it_is_not_there(programs, folder, wire):
    """Overwritten, sensor away and cancelled, never kept: each is told, before and after the request."""
    scene = Scene(programs, folder, wire, disk_megabytes=16)
    first = wire.talk(20_000, True)
    event = scene.analyst.alert_of(first)
    def told():
        return scene.analyst.ask("GET", f"/events/{event}/evidence")["state"]

    def overwritten():
        # Less than the queue to the disk holds, and a heartbeat later; no more than a sensor that is behind looks at.
        wire.talk(400_000, True, 4)
        return told() == "rotated"
    wait_until("it to be overwritten", overwritten)
    id = scene.analyst.request(event)
    failed = scene.analyst.wait_for(id, "failed", "ready")
    assert (failed["state"], failed["fault"]) == ("failed", "rotated"), failed
    used = sum(os.path.getsize(os.path.join(scene.state, "evidence", name))
               for name in os.listdir(os.path.join(scene.state, "evidence")))
    assert used <= 16 << 20, used
    port, event = scene.alerted_session(20_000)
    scene.sensor.terminate()
    scene.sensor.wait(30)
    wait_until("the sensor to be away", lambda: not scene.analyst.ask("GET", f"/events/{event}/evidence")["online"])
    id = scene.analyst.request(event)
    assert scene.analyst.ask("GET", f"/evidence/{id}")["state"] == "queued"
    assert scene.analyst.ask("POST", f"/evidence/{id}/cancel")["state"] == "cancelled"
    id = scene.analyst.request(event)
    scene.start_sensor()
    scene.analyst.wait_for(id, "ready")
    scene.check_file(id, port)
    # Without a ring there is nothing.
    scene.sensor.terminate()
    scene.sensor.wait(30)
    with open(scene.config, "a") as file:
        file.write('mode = "off"\n')
    scene.start_sensor()
    wait_until("it to be off", lambda: told() == "off")
    id = scene.analyst.request(event)
    failed = scene.analyst.wait_for(id, "failed", "ready")
    assert failed["fault"] == "off", failed


def what_stays_is_found(programs, folder, wire):
    """Kinds that are to stay are not at the collector and are found on the sensor; who did not answer is told."""
    scene = Scene(programs, folder, wire, '[archive]\nstay = ["dns"]\n')
    analyst = scene.analyst
    # A sensor that is known and was never heard of.
    string = scene.collector.admin("token", "--name", "vang", "--delivery", scene.collector.delivery, "--enrolment",
                                   scene.collector.enrolment)
    subprocess.run([os.path.join(programs, "matluoi-sensor"), "enrol", string, "--state-dir", folder + "/other"],
                   check=True, capture_output=True)
    names = [f"may-{n}.hunt.example" for n in range(20)]
    wire.look_up(*names, "other.example")
    port = wire.talk(1_000, True)
    analyst.alert_of(port)
    def kept():
        archives = {one["sensor_name"]: one for one in analyst.ask("GET", "/remote-hunts/archives")}
        assert archives["vang"]["state"] == "unknown", archives
        return archives["cong"].get("stay") == ["dns"]
    wait_until("the archive to be told", kept)
    id = analyst.hunt("domain:*.hunt.example -domain:may-7*", limit=1000)
    told, found = analyst.hunted(id)
    assert sorted(found) == sorted(set(names) - {"may-7.hunt.example"}), (told, found)
    assert (told["answered"], told["asked"], told["found"]) == (1, 2, 19), told
    parts = {part["sensor_name"]: part for part in told["sensors"]}
    assert (parts["cong"]["state"], parts["cong"]["reason"]) == ("done", "complete"), parts
    assert (parts["vang"]["state"], parts["vang"]["reason"]) == ("failed", "unknown"), parts
    here = analyst.ask("GET", "/search?q=event_type:dns")
    assert here["total"] == 0, here
    # The newest ones, where there are more than are wanted.
    told, found = analyst.hunted(analyst.hunt("type:dns", limit=3))
    assert len(found) == 3 and found[0] == "other.example", found
    assert told["sensors"][0]["reason"] == "rows", told

    wait_until("the ledger", scene.stayed(21))
    # A sensor that is away answers when it is back, with what it had before it fell.
    scene.sensor.kill()
    scene.sensor.wait()
    wait_until("the sensor to be away", lambda: not analyst.ask("GET", f"/remote-hunts/{id}")["sensors"][0]["online"])
    id = analyst.hunt("domain:may-3.hunt.example")
    assert {part["state"] for part in analyst.ask("GET", f"/remote-hunts/{id}")["sensors"]} == {"queued", "failed"}
    stopped = analyst.hunt("type:dns")
    assert not analyst.ask("POST", f"/remote-hunts/{stopped}/cancel")["open"]
    scene.start_sensor()
    assert analyst.hunted(id)[1] == ["may-3.hunt.example"]
    assert analyst.found(stopped) == []
    audit = {action for action, in scene.collector.sql("SELECT action FROM audit")}
    assert {"remote_hunt.create", "remote_hunt.cancel"} <= audit, audit


def a_hunt_over_a_cut(programs, folder, wire):
    """Collector and sensor are killed while records come over a thin share of the link: each comes once."""
    scene = Scene(programs, folder, wire, '[archive]\nstay = ["dns"]\n', link_kilobits=64)
    analyst = scene.analyst
    names = [f"{os.urandom(20).hex()}.hunt.example" for _ in range(900)]
    wire.look_up(*names)
    # A hunt answers with what is kept when it comes.
    wait_until("all to be kept", scene.stayed(len(names)))
    id = analyst.hunt("domain:*.hunt.example", limit=1000)

    def came(share):
        def reached():
            return analyst.ask("GET", f"/remote-hunts/{id}")["found"] > len(names) * share
        return reached
    wait_until("some of them", came(0.1))
    scene.collector.kill()
    scene.collector.start()
    port = wire.talk(1_000, True)
    asked = time.monotonic()
    analyst.alert_of(port)
    assert analyst.ask("GET", f"/remote-hunts/{id}")["open"], "too fast for this test"
    print(f"  an alert came {time.monotonic() - asked:.1f} s after its flow, during a hunt", flush=True)
    wait_until("more of them", came(0.4))
    scene.sensor.kill()
    scene.sensor.wait()
    scene.start_sensor()
    told, found = analyst.hunted(id)
    assert sorted(found) == sorted(names), (len(found), told)
    assert told["sensors"][0]["reason"] == "complete", told


def what_the_link_cannot_carry(programs, folder, wire):
    """A spool without room: what it sheds, alerts too, is found on the sensor."""
    scene = Scene(programs, folder, wire, "[spool]\ndisk_megabytes = 0\n")
    analyst = scene.analyst
    wire.look_up("shed.hunt.example")
    port = wire.talk(1_000, True)

    def shed():
        return scene.collector.sql("SELECT 1 FROM ledger_shed WHERE class = 'alert' AND reason = 'disk_budget'")
    wait_until("the spool to be full", shed)
    assert analyst.hunted(analyst.hunt("domain:shed.hunt.example"))[1] == ["shed.hunt.example"]
    told, _ = analyst.hunted(analyst.hunt(f"sid:9100001 src_port:{port}", **{"class": "alert"}))
    assert told["found"] == 1, told
    told, _ = analyst.hunted(analyst.hunt("sid:9100001", **{"class": "record"}))
    assert told["found"] == 0, told


TESTS = [the_flow_and_nothing_else, files_of_a_flow_without_an_alert, over_a_cut, why_it_is_not_there,
         what_stays_is_found, a_hunt_over_a_cut, what_the_link_cannot_carry]


def main():
    programs, names = sys.argv[1], sys.argv[2:]
    for count, test in enumerate(TESTS):
        if names and test.__name__ not in names:
            continue
        folder = tempfile.mkdtemp()
        # The sensor is another user once it listens.
        os.chmod(folder, 0o755)
        wire = Wire(count)
        try:
            print(test.__name__, flush=True)
            test(programs, folder, wire)
        finally:
            end_all()
            wire.close()
            shutil.rmtree(folder)
    print("passed")


main()
