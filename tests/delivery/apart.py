"""A collector and a sensor with a bad wire between them, and the console's way in."""

import json
import os
import subprocess
import time

from bench import Collector, end_all, spawn, wait_until
from wire import Wire

PASSWORD = "một mật khẩu đủ dài"


class Console:
    """What an administrator does in the console, by its API; curl, for the collector may be in another namespace."""

    def __init__(self, collector, prefix=()):
        self.url = f"http://{collector.api}/api/v1"
        self.prefix = prefix
        self.headers = []
        subprocess.run([collector.program, "admin", "--data", collector.data, "user", "add", "an", "--role",
                        "administrator", "--password-stdin"], input=PASSWORD.encode(), check=True, capture_output=True)
        head, body = self.curl("-i", "-d", json.dumps({"username": "an", "password": PASSWORD}),
                               "/session").split(b"\r\n\r\n", 1)
        cookie = next(line.split(b": ", 1)[1].split(b";")[0] for line in head.split(b"\r\n")
                      if line.lower().startswith(b"set-cookie:"))
        self.headers = ["-H", "Cookie: " + cookie.decode(), "-H", "X-CSRF-Token: " + json.loads(body)["csrf"]]

    def curl(self, *arguments):
        *options, path = arguments
        done = subprocess.run([*self.prefix, "curl", "-sS", "--fail-with-body", "-H", "Content-Type: application/json",
                               *self.headers, *options, self.url + path], capture_output=True)
        assert done.returncode == 0, (path, done.stderr, done.stdout[:500])
        return done.stdout

    def ask(self, method, path, body=None):
        data = [] if body is None else ["-d", json.dumps(body)]
        answer = self.curl("-X", method, *data, path)
        return json.loads(answer) if answer else None


class Apart:
    """In network namespaces of their own; the test itself stays outside and reads the state on disk."""

    def __init__(self, programs, folder, settings=""):
        self.programs, self.folder = programs, folder
        self.here, self.there = f"mlc{os.getpid()}", f"mls{os.getpid()}"
        self.inside, self.outside = (["ip", "netns", "exec", space] for space in (self.here, self.there))
        self.settings = settings
        self.wire = None

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        for space in (self.here, self.there):
            subprocess.run(["ip", "netns", "add", space], check=True)
            subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], check=True)
        self.wire = Wire(self.here, self.there)
        self.collector = collector = Collector(self.programs, self.folder + "/collector", self.settings)
        with open(collector.config) as file:
            text = file.read()
        for name in ("delivery", "enrolment"):
            address = getattr(collector, name)
            moved = address.replace("127.0.0.1", "10.99.0.1")
            text = text.replace(f'"{address}"', f'"{moved}"')
            setattr(collector, name, moved)
        with open(collector.config, "w") as file:
            file.write(text)
        collector.process = spawn([*self.inside, collector.program, "serve", "--config", collector.config])
        wait_until("the collector", lambda: os.path.exists(collector.data + "/control.sock"))
        string = collector.admin("token", "--name", "xa", "--delivery", collector.delivery, "--enrolment",
                                 collector.enrolment)
        self.state = self.folder + "/sensor"
        os.makedirs(self.state)
        self.program = os.path.join(self.programs, "matluoi-sensor")
        subprocess.run([*self.outside, self.program, "enrol", string, "--state-dir", self.state], check=True,
                       capture_output=True)
        with open(self.state + "/sensor.json") as file:
            self.id = json.load(file)["sensor_id"]

    def __exit__(self, *_):
        end_all()
        if self.wire:
            self.wire.close()
        for space in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", space], check=False)

    def sensor(self, *command):
        return spawn([*self.outside, self.program, *command])

    def console(self):
        return Console(self.collector, self.inside)

    def of_sensor(self, *columns):
        """Columns of the sensor's row."""
        (row,) = self.collector.sql(f"SELECT {', '.join(columns)} FROM sensors WHERE id = ?", self.id)
        return row

    def up_kilobits(self, seconds):
        """What goes to the collector, as packets of IP on the wire, over so many seconds."""
        before, begun = self.wire.bytes[1], time.monotonic()
        time.sleep(seconds)
        return (self.wire.bytes[1] - before) * 8 / 1_000 / (time.monotonic() - begun)


def run_config(path, state, rules, more=""):
    """A configuration of `run` over a capture that goes round and round."""
    pcap = os.path.join(os.path.dirname(__file__), "../pcap/web/browse/input.pcap")
    with open(path, "w") as file:
        file.write(f'state_dir = "{state}"\n[input]\nfiles = ["{os.path.realpath(pcap)}"]\nrepeat = true\n'
                   f'rebase_time = true\nframes_per_second = 5\n[rules]\npaths = ["{rules}"]\n'
                   f'[run]\nconfinement = "none"\n{more}')
    return path
