#!/usr/bin/python3
"""A collector under load: simulated sensors send records at a rate of their own, while people search.

usage: load.py --programs FOLDER --sensors-program PROGRAM --eve FILE [--sensors N] [--rate N] [--seconds N] [--people N]
               [--millions N,N,...] [--data FOLDER]

PROGRAM is the example `sensors` of sensor/ship; FILE holds records of a sensor, which are sent again and again with other times and
flows. For each number of millions, the collector is filled with records of the last 30 days as fast as it takes them; then sensors send RATE
records a second for some seconds, and PEOPLE ask for what the console asks for, one thing after the other. Told are the rate of
filling, the time from a record's being made to its being found, and the time of each kind of search (50th, 95th and 99th
percentile, milliseconds), with memory and disk.
"""

import argparse
import atexit
import http.client
import itertools
import json
import os
import queue
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

PASSWORD = "Đo-tốc-độ-2026"
PATIENCE_S = 4 * 3600
FILL_DAYS = 30

# What the console asks for: the first page of a search, its histogram and facets, the inbox, a host.
SEARCHES = {
    "search, all": "/search?limit=50&from=-24h",
    "search, a word": "/search?limit=50&from=-30d&q=microsoft",
    "search, fields": "/search?limit=50&from=-30d&q=" + urllib.parse.quote("event_type:tls AND dest_port:443"),
    "search, wildcard": "/search?limit=50&from=-30d&q=" + urllib.parse.quote("http.hostname:*.com"),
    "search, network": "/search?limit=50&from=-30d&q=" + urllib.parse.quote("src_ip:192.168.0.0/16 AND event_type:dns"),
    "histogram, 30 days": "/search/histogram?from=-30d&buckets=60",
    "facet of addresses, 24 hours": "/search/facets?from=-24h&field=src_ip",
    "facet of names, 30 days": "/search/facets?from=-30d&field=dns.queries.rrname&q=" + urllib.parse.quote("event_type:dns"),
    "inbox": "/groups?limit=50",
    "inbox, summary": "/groups/summary",
}


class Api:
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=120)
        self.cookie = self.csrf = ""

    def call(self, path, body=None):
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, "Content-Type": "application/json"}
        self.connection.request("GET" if body is None else "POST", "/api/v1" + path, body and json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text[:300]!r}")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookie = value.split(";")[0]
        return json.loads(text) if text else None

    def signed_in(self):
        self.csrf = self.call("/session", {"username": "bench", "password": PASSWORD})["csrf"]
        return self


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Collector:
    """The program, and what it costs."""

    def __init__(self, program, data, addresses):
        self.data, self.api = data, addresses[0]
        os.makedirs(data, exist_ok=True)
        subprocess.run([program, "admin", "--data", data, "user", "add", "bench", "--role", "administrator", "--password-stdin"],
                       input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
        config = os.path.join(data, "collector.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('data_dir = "{}"\n[api]\nlisten = "{}"\n[delivery]\nlisten = "{}"\n[enrolment]\nlisten = "{}"\n'.format(data, *addresses))
        self.process = subprocess.Popen([program, "serve", "--config", config], env=dict(os.environ, MATLUOI_LOG="error"))
        atexit.register(self.process.kill)
        for _ in range(200):
            try:
                socket.create_connection(self.api.split(":"), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def disk_mb(self):
        return sum(os.path.getsize(os.path.join(where, name))
                   for where, _, names in os.walk(os.path.join(self.data, "index")) for name in names if os.path.exists(os.path.join(where, name))) / 1e6

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


class Sensors:
    """The simulated sensors."""

    def __init__(self, program, eve, state, enrolments):
        self.process = subprocess.Popen([program, eve, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        self.marks, self.made = queue.Queue(), queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.process.stdin.write("".join(one + "\n" for one in enrolments) + "\n")
        self.process.stdin.flush()
        self.made.get(timeout=600)

    def listen(self):
        for line in self.process.stdout:
            word, *rest = line.split()
            if word == "mark":
                self.marks.put((rest[0], time.monotonic()))
            else:
                self.made.put(line.strip())
        self.made.put(None)

    def order(self, count, rate, days):
        self.process.stdin.write(f"{count} {rate} {days}\n")
        self.process.stdin.flush()

    def wait(self):
        if self.made.get(timeout=PATIENCE_S) is None:
            sys.exit("the sensors ended")

    def stop(self):
        self.process.kill()
        self.process.wait()


def stored(api):
    """Records that can be found."""
    return api.call(f"/search?limit=1&from=-{FILL_DAYS + 1}d")["total"]


def wait_for(api, least):
    begun = time.monotonic()
    while (found := stored(api)) < least:
        if time.monotonic() - begun > PATIENCE_S:
            sys.exit(f"after {PATIENCE_S} s only {found} of {least} records are there")
        time.sleep(2)
        print(f"\r{found:,} of {least:,}", end="", file=sys.stderr)
    print(file=sys.stderr)


def percentiles(values):
    values = sorted(values)
    if not values:
        return "- | - | -"
    at = lambda share: values[min(len(values) - 1, int(len(values) * share))] * 1e3
    return f"{at(0.5):.0f} | {at(0.95):.0f} | {at(0.99):.0f}"


def search(address, until, times, failures):
    api = Api(address).signed_in()
    kinds = list(SEARCHES.items())
    random.shuffle(kinds)
    for name, path in itertools.cycle(kinds):
        if time.monotonic() > until:
            return
        begun = time.monotonic()
        try:
            api.call(path)
            times[name].append(time.monotonic() - begun)
        except (OSError, RuntimeError) as error:
            failures.append(f"{name}: {error}")
            api = Api(address).signed_in()


def look_for_marks(address, marks, until, visible):
    """One mark after the other; those made meanwhile are not looked for."""
    api = Api(address).signed_in()
    while time.monotonic() < until:
        while marks.qsize() > 1:
            marks.get()
        try:
            name, made = marks.get(timeout=1)
        except queue.Empty:
            continue
        path = "/search?limit=1&from=-1h&q=" + urllib.parse.quote(f'dns.queries.rrname:"{name}"')
        while time.monotonic() < until and not api.call(path)["items"]:
            time.sleep(0.02)
        if time.monotonic() < until:
            visible.append(time.monotonic() - made)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--sensors-program", required=True)
    parser.add_argument("--eve", required=True)
    parser.add_argument("--sensors", type=int, default=200)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--millions", default="1,10,50")
    parser.add_argument("--data")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.data) as folder:
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(3)]
        collector = Collector(os.path.join(arguments.programs, "matluoi-collector"), os.path.join(folder, "data"), addresses)
        api = Api(addresses[0]).signed_in()
        enrolments = [api.call("/sensors/enrolments", {"name": f"cảm biến {number}", "unit_id": 1})["enrolment"] for number in range(arguments.sensors)]
        sensors = Sensors(arguments.sensors_program, os.path.abspath(arguments.eve), os.path.join(folder, "sensors"), enrolments)
        there = 0
        for millions in map(float, arguments.millions.split(",")):
            missing = int(millions * 1e6) - there
            begun, cpu = time.monotonic(), collector.cpu_s()
            sensors.order(missing, 0, FILL_DAYS)
            sensors.wait()
            wait_for(api, there + missing)
            took, cpu = time.monotonic() - begun, collector.cpu_s() - cpu
            there += missing
            print(f"\n### {millions:g} million records, {arguments.sensors} sensors\n")
            print(f"Filled at {missing / took:,.0f} records/s ({missing / cpu:,.0f} a second of the collector's processor time); "
                  f"then {arguments.rate:,} records/s for {arguments.seconds} s, {arguments.people} people searching.\n")
            until = time.monotonic() + arguments.seconds
            times, failures, visible = {name: [] for name in SEARCHES}, [], []
            watchers = [threading.Thread(target=search, args=(addresses[0], until, times, failures)) for _ in range(arguments.people)]
            watchers.append(threading.Thread(target=look_for_marks, args=(addresses[0], sensors.marks, until, visible)))
            begun = time.monotonic()
            sensors.order(arguments.rate * arguments.seconds, arguments.rate, 0)
            for watcher in watchers:
                watcher.start()
            for watcher in watchers:
                watcher.join()
            sensors.wait()
            there += arguments.rate * arguments.seconds
            wait_for(api, there)
            rate = arguments.rate * arguments.seconds / (time.monotonic() - begun)
            print("| milliseconds | times | p50 | p95 | p99 |\n|---|---:|---:|---:|---:|")
            print(f"| made to found | {len(visible)} | {percentiles(visible)} |")
            for name, values in times.items():
                print(f"| {name} | {len(values)} | {percentiles(values)} |")
            print(f"\nAll were there after {rate:,.0f} records/s; peak of the collector {collector.peak_mb():,.0f} MB, index {collector.disk_mb():,.0f} MB "
                  f"({collector.disk_mb() * 1e6 / there:.0f} bytes a record); {len(failures)} searches failed{': ' + failures[0] if failures else ''}.", flush=True)
        sensors.stop()
        collector.stop()


if __name__ == "__main__":
    main()
