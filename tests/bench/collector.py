#!/usr/bin/python3
"""Measures the way from a sensor to the index: one sensor reads captures as fast as it can, and the collector makes
every record durable and searchable before it acknowledges it.

usage: collector.py --programs FOLDER [--rules FILE|DIR] [PCAP...]

Prints records made, stored, the time until the last was stored, and the processor time of both programs.
"""

import argparse
import glob
import http.cookies
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PASSWORD = "Đo-tốc-độ-2026"
PATIENCE_S = 900


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Api:
    def __init__(self, address):
        self.address = address
        self.cookie = ""

    def call(self, path, body=None):
        request = urllib.request.Request(f"http://{self.address}/api/v1{path}", headers={"Cookie": self.cookie})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            for value in answer.headers.get_all("Set-Cookie") or []:
                for name, morsel in http.cookies.SimpleCookie(value).items():
                    self.cookie = f"{name}={morsel.value}"
            return json.load(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--rules")
    parser.add_argument("pcaps", nargs="*", metavar="PCAP")
    arguments = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    pcaps = [os.path.abspath(path) for path in arguments.pcaps or sorted(glob.glob(here + "/../pcap/*/*/input.pcap"))]
    collector, sensor = (os.path.join(arguments.programs, name) for name in ("matluoi-collector", "matluoi-sensor"))
    api, delivery, enrolment = (f"127.0.0.1:{free_port()}" for _ in range(3))

    with tempfile.TemporaryDirectory() as folder:
        data, state = os.path.join(folder, "collector"), os.path.join(folder, "sensor")
        os.makedirs(data)
        admin = [collector, "admin", "--data", data]
        subprocess.run(admin + ["user", "add", "bench", "--role", "analyst", "--password-stdin"],
                       input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
        token = subprocess.run(admin + ["token", "--name", "bench", "--delivery", delivery, "--enrolment", enrolment],
                               check=True, capture_output=True, text=True).stdout.split()[-1]
        with open(os.path.join(folder, "collector.toml"), "w", encoding="utf-8") as file:
            file.write(f'data_dir = "{data}"\n[api]\nlisten = "{api}"\n[delivery]\nlisten = "{delivery}"\n'
                       f'[enrolment]\nlisten = "{enrolment}"\n')
        rules = [os.path.abspath(arguments.rules)] if arguments.rules else []
        with open(os.path.join(folder, "sensor.toml"), "w", encoding="utf-8") as file:
            file.write(f"state_dir = {json.dumps(state)}\n[input]\nfiles = {json.dumps(pcaps)}\nrebase_time = true\n"
                       f"[rules]\npaths = {json.dumps(rules)}\n")
        environment = dict(os.environ, MATLUOI_LOG="error")
        serve = subprocess.Popen([collector, "serve", "--config", os.path.join(folder, "collector.toml")],
                                 env=environment)
        watch = Api(api)
        for _ in range(100):
            try:
                watch.call("/session", {"username": "bench", "password": PASSWORD})
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        subprocess.run([sensor, "enrol", token, "--state-dir", state], check=True, env=environment,
                       stdout=subprocess.DEVNULL)
        started = time.monotonic()
        run = subprocess.Popen([sensor, "run", "--config", os.path.join(folder, "sensor.toml")], env=environment)
        identity, first, made, stored, shed = None, None, 0, 0, 0
        while time.monotonic() - started < PATIENCE_S:
            time.sleep(0.5)
            sensors = watch.call("/sensors")
            identity = sensors[0]["id"]
            rows = watch.call(f"/sensors/{identity}/ledger?hours=24")
            stored = sum(row["stored"] for row in rows)
            made = sum(row["made"] for row in rows)
            shed = sum(sum(row["shed"].values()) for row in rows)
            if stored and first is None:
                first = time.monotonic()
            done = (sensors[0]["stats"] or {}).get("input_done")
            if done and made and stored + shed >= made:
                break
        else:
            sys.exit(f"after {PATIENCE_S} s only {stored} of {made} records are stored")
        took = time.monotonic() - started
        usage = []
        for child in (run, serve):
            child.send_signal(signal.SIGTERM)
            _, _, used = os.wait4(child.pid, 0)
            usage.append((used.ru_utime + used.ru_stime, used.ru_maxrss * 1024))
        size = sum(os.path.getsize(os.path.join(where, name))
                   for where, _, names in os.walk(os.path.join(data, "index")) for name in names)
        print(f"{made} records made, {shed} shed, {stored} stored in {took:.1f} s: {stored / took:.0f} records/s")
        for name, (cpu, peak) in zip(("sensor", "collector"), usage):
            print(f"{name:10} {cpu:7.2f} s cpu  {peak / 1e6:8.1f} MB peak  {stored / max(cpu, 1e-6):8.0f} records per cpu second")
        print(f"index      {size / 1e6:.1f} MB on disk, {size / max(stored, 1):.0f} bytes a record")


if __name__ == "__main__":
    main()
