"""A collector and what sends to it, as real programs in a folder of their own, and how their records are counted."""

import base64
import glob
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time

PATIENCE_S = 90
# What was started, to be ended whatever happens.
started = []


def spawn(command, log="error"):
    process = subprocess.Popen(command, env={**os.environ, "MATLUOI_LOG": log})
    started.append(process)
    return process


def end_all():
    while started:
        process = started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, done, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def record(n, kind="dns", **more):
    return {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000000+0000", time.gmtime()), "event_type": kind, "n": n,
            "src_ip": "10.0.0.1", "dest_ip": "192.0.2.1", "proto": "UDP", **more}


def alert(n):
    return record(n, "alert", alert={"signature_id": 1 + n % 7, "signature": "Quét cổng", "category": "scan",
                                     "severity": 2, "gid": 1, "rev": 1})


def ndjson(records):
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


class Collector:
    def __init__(self, programs, data, settings="", delivery=None):
        self.program = os.path.join(programs, "matluoi-collector")
        self.data = data
        self.api, self.delivery, self.enrolment = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.advertised = delivery or self.delivery
        os.makedirs(os.path.dirname(data), exist_ok=True)
        self.config = data + ".toml"
        with open(self.config, "w") as file:
            file.write(f'data_dir = "{data}"\n[api]\nlisten = "{self.api}"\n[delivery]\nlisten = "{self.delivery}"\n'
                       f'advertise = "{self.advertised}"\n[enrolment]\nlisten = "{self.enrolment}"\n'
                       # Rules of the collector's own would add alerts to those that are counted.
                       f'[sigma]\nshipped = false\n{settings}')
        self.process = None

    def start(self, prefix=()):
        self.process = spawn([*prefix, self.program, "serve", "--config", self.config])
        wait_until("the collector", lambda: self.get("/readyz")[0] in (200, 503))
        return self

    def get(self, path):
        try:
            connection = http.client.HTTPConnection(self.api, timeout=10)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""

    def post(self, path, body, token, **headers):
        connection = http.client.HTTPConnection(self.api, timeout=60)
        connection.request("POST", "/api/v1" + path, body,
                           {"Authorization": f"Bearer {token}", **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def admin(self, *arguments):
        done = subprocess.run([self.program, "admin", "--data", self.data, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        return self

    def sql(self, query, *values):
        connection = sqlite3.connect(f"file:{self.data}/state.sqlite?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def ledger(self, sensor):
        """Per class: made, shed, stored, rejected."""
        rows = self.sql("SELECT class, sum(made), sum(stored), sum(rejected), sum(acked) FROM ledger l "
                        "JOIN sensors s ON s.no = sensor_no WHERE s.id = ? GROUP BY class", sensor)
        shed = dict(self.sql("SELECT class, sum(count) FROM ledger_shed l JOIN sensors s ON s.no = sensor_no "
                             "WHERE s.id = ? GROUP BY class", sensor))
        return {name: {"made": made, "shed": shed.get(name, 0), "stored": stored, "rejected": rejected, "acked": acked}
                for name, made, stored, rejected, acked in rows}

    def metric(self, name):
        status, text = self.get("/metrics")
        assert status == 200
        return [line for line in text.decode().splitlines() if line.startswith(f"matluoi_{name}")]

    def indexed(self):
        """Events in the index, alerts and records."""
        return {line.split('"')[1]: int(float(line.split()[-1])) for line in self.metric("index_events{")}


class Forwarder:
    """matluoi-sensor forward, enrolled, on a file of its own."""

    def __init__(self, programs, folder, collector, delivery=None):
        self.program = os.path.join(programs, "matluoi-sensor")
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.file = os.path.join(folder, "eve.json")
        string = collector.admin("token", "--name", os.path.basename(folder), "--delivery",
                                 delivery or collector.delivery, "--enrolment", collector.enrolment)
        subprocess.run([self.program, "enrol", string, "--state-dir", folder], check=True, capture_output=True)
        with open(os.path.join(folder, "sensor.json")) as file:
            self.id = json.load(file)["sensor_id"]
        self.process = None

    def write(self, records):
        with open(self.file, "ab") as file:
            file.write(ndjson(records))

    def start(self, *arguments, prefix=()):
        canary = () if "--canary-seconds" in arguments else ("--canary-seconds", "0")
        self.process = spawn([*prefix, self.program, "forward", "--state-dir", self.folder, "--file", self.file,
                              *canary, *arguments])
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


def balances(collector, sensor, made, shed_allowed=False):
    """Waits until everything that was made is accounted for, and checks each number of the ledger."""
    def settled():
        ledger = collector.ledger(sensor)
        return all(ledger.get(name, {}).get("made") == count
                   and ledger[name]["stored"] + ledger[name]["rejected"] + ledger[name]["shed"] == count
                   and ledger[name]["acked"] == count - ledger[name]["shed"]
                   for name, count in made.items())
    try:
        wait_until("the ledger", settled)
    except AssertionError:
        raise AssertionError(f"the ledger does not balance: {collector.ledger(sensor)}, made {made}") from None
    ledger = collector.ledger(sensor)
    if not shed_allowed:
        assert all(row["shed"] == 0 for row in ledger.values()), ledger
    return ledger


def basic(token):
    return "Basic " + base64.b64encode(f"any:{token}".encode()).decode()
