#!/usr/bin/python3
"""Runs two programs over captures and tells where their EVE records differ: alerts by rule, events by kind, fields.

usage: compare.py --first COMMAND --second COMMAND --keep DIR [--kinds] [--fields] [--jobs N] [--again] CAPTURE|FOLDER...

COMMAND has {pcap} and {out} in it and writes {out}/eve.json; or it has {pcaps}, takes all captures of a folder and writes
{out}/NAME/eve.json; or it is `socket:PATH`, the command socket of a Suricata that runs with --unix-socket=PATH (its rules
are loaded once then, not for each capture). Records are kept below DIR/first and DIR/second; the second program is not run
again where its records are there, the first one only with --again.

  compare.py --keep /tmp/c --second socket:/tmp/s.sock captures/ \\
    --first 'matluoi-sensor replay --apart {pcaps} --out {out} --rules RULES --checksums auto'
"""

import argparse
import collections
import concurrent.futures
import json
import os
import shlex
import socket
import subprocess
import sys
import time

# What has no meaning between two programs.
IGNORED = {"flow_id", "parent_id", "matluoi", "wrong_thread"}


def captures(paths):
    """(name, path) of every capture."""
    for path in paths:
        if not os.path.isdir(path):
            yield os.path.basename(path), path
            continue
        for folder, _, files in sorted(os.walk(path)):
            for file in sorted(files):
                if file.endswith((".pcap", ".pcapng", ".cap")):
                    full = os.path.join(folder, file)
                    yield os.path.relpath(full, os.path.dirname(os.path.abspath(path))), full


class Socket:
    """Suricata's command socket: captures are queued, and done when none is left."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.pending = b""
        self.send({"version": "0.2"})

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        while b"\n" not in self.pending:
            data = self.socket.recv(65536)
            if not data:
                sys.exit("the socket was closed")
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        answer = json.loads(line)
        if answer.get("return") != "OK":
            sys.exit(f"{message}: {answer}")
        return answer.get("message")

    def run(self, jobs):
        for _, path, out in jobs:
            os.makedirs(out, exist_ok=True)
            self.send({"command": "pcap-file", "arguments": {"filename": path, "output-dir": out}})
        while self.send({"command": "pcap-file-number"}) or self.send({"command": "pcap-current"}) != "None":
            time.sleep(0.2)


def run(command, jobs, workers):
    if command.startswith("socket:"):
        return Socket(command.partition(":")[2]).run(jobs)

    if "{pcaps}" in command:
        folders = collections.defaultdict(list)
        for _, path, out in jobs:
            folders[os.path.dirname(out)].append(os.path.abspath(path))
        jobs = [(out, paths, out) for out, paths in folders.items()]

    def one(job):
        name, path, out = job
        os.makedirs(out, exist_ok=True)
        words = []
        for word in shlex.split(command):
            words += path if word == "{pcaps}" else [word.format(pcap=os.path.abspath(path) if isinstance(path, str) else "", out=out)]
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            print(f"{name}: exit status {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}", file=sys.stderr)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, jobs))


def records(path):
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    print(f"{path}: not JSON: {line[:80]!r}", file=sys.stderr)
    except FileNotFoundError:
        print(f"{path}: missing", file=sys.stderr)


def kind(record):
    """What a record is, for counting."""
    what = record.get("event_type")
    if what == "anomaly":
        return f"anomaly {record['anomaly'].get('event')} {record['anomaly'].get('app_proto', '')}".rstrip()
    if what in ("flow", "netflow", "fileinfo"):
        return f"{what} {record.get('app_proto', '-')}"
    return what


def flatten(value, path=""):
    """(path, leaf) of a record; lists count as leaves."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in IGNORED:
                yield from flatten(part, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(value, sort_keys=True)


class Table:
    """Keys with the sums of both sides over the captures that differ."""

    def __init__(self):
        self.rows = {}

    def compare(self, name, first, second):
        for key in first.keys() | second.keys():
            left, right = first[key], second[key]
            if left != right:
                row = self.rows.setdefault(key, [0, 0, 0, name])
                row[0] += left
                row[1] += right
                row[2] += 1

    def print(self, title, labels):
        print(f"\n{title}: {len(self.rows)} differ")
        for key, (left, right, files, name) in sorted(self.rows.items(), key=lambda item: -abs(item[1][0] - item[1][1])):
            print(f"  {left:7} {right:7} {files:4} files  {key}  {labels.get(key, '')}  e.g. {name}")


def place(record):
    """What pairs the records of two programs."""
    return (record.get("event_type"), record.get("src_ip"), record.get("src_port"), record.get("dest_ip"),
            record.get("dest_port"), record.get("proto"), record.get("icmp_type"),
            record.get("alert", {}).get("signature_id"), record.get("anomaly", {}).get("event"))


def pair(first, second):
    """Pairs of records with one place, those that are most alike first."""
    sides = [collections.defaultdict(list), collections.defaultdict(list)]
    for side, rows in zip(sides, (first, second)):
        for record in rows:
            if record.get("event_type") != "stats":
                side[place(record)].append(dict(flatten(record)))
    for key in sides[0].keys() & sides[1].keys():
        left, right = sides[0][key], sides[1][key]
        if len(left) != len(right):
            continue
        yield from zip(left, right)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", required=True)
    parser.add_argument("--second", required=True)
    parser.add_argument("--keep", required=True)
    parser.add_argument("--kinds", action="store_true", help="compare counts of events as well")
    parser.add_argument("--fields", action="store_true", help="compare the fields of records that pair up")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="run the first program even where its records are there")
    parser.add_argument("captures", nargs="+")
    arguments = parser.parse_args()

    listed = list(captures(arguments.captures))
    for side, command in (("second", arguments.second), ("first", arguments.first)):
        jobs = [(name, path, os.path.abspath(os.path.join(arguments.keep, side, name))) for name, path in listed]
        again = side == "first" and arguments.again
        if again:
            for _, _, out in jobs:
                if os.path.exists(os.path.join(out, "eve.json")):
                    os.remove(os.path.join(out, "eve.json"))
        run(command, [job for job in jobs if not os.path.exists(os.path.join(job[2], "eve.json"))], arguments.jobs)

    alerts, kinds, fields = Table(), Table(), {}
    names, total = {}, [0, 0]
    for name, _ in listed:
        first, second = (list(records(os.path.join(arguments.keep, side, name, "eve.json"))) for side in ("first", "second"))
        counts = []
        for at, rows in enumerate((first, second)):
            count = collections.Counter()
            for record in rows:
                if record.get("event_type") == "alert":
                    alert = record["alert"]
                    count[alert["signature_id"]] += 1
                    names[alert["signature_id"]] = alert.get("signature", "")
            total[at] += count.total()
            counts.append(count)
        alerts.compare(name, *counts)
        if arguments.kinds:
            kinds.compare(name, *(collections.Counter(map(kind, rows)) for rows in (first, second)))
        if arguments.fields:
            for left, right in pair(first, second):
                for path in left.keys() | right.keys():
                    if left.get(path) != right.get(path):
                        row = fields.setdefault((left["event_type"].strip('"'), path), [0, name, left.get(path), right.get(path)])
                        row[0] += 1

    print(f"{len(listed)} captures; alerts: {total[0]} and {total[1]}")
    alerts.print("alerts by rule", names)
    if arguments.kinds:
        kinds.print("events by kind", {})
    if arguments.fields:
        print(f"\nfields of records that pair up: {len(fields)} differ")
        for (what, path), (count, name, left, right) in sorted(fields.items(), key=lambda item: -item[1][0]):
            print(f"  {count:7}  {what}: {path}  {str(left)[:60]} | {str(right)[:60]}  e.g. {name}")
    sys.exit(1 if alerts.rows else 0)


if __name__ == "__main__":
    main()
