#!/usr/bin/env python3
"""What an alert costs on the way to the collector: bytes on the wire, of packets of IP, for all that the sensor sends.

usage: uplink.py PROGRAMS RULES CAPTURES...     as root; CAPTURES are files, or folders with them; RULES as for replay
       uplink.py PROGRAMS EVE                   with the alerts that a replay has written

The captures are replayed with the rules; the alerts go through `matluoi-sensor forward` to a collector in a network
namespace of its own, over TLS, in one go and one after the other.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../delivery"))
from apart import Apart  # noqa: E402
from bench import wait_until  # noqa: E402

# Alerts that come one by one, and the pause between them.
SINGLE, PAUSE_S = 200, 0.5


def captures(names):
    for name in names:
        inside = glob.glob(os.path.join(name, "**/*.pcap*"), recursive=True) if os.path.isdir(name) else [name]
        yield from sorted(path for path in inside if not path.endswith(".zst"))


def alerts(programs, rules, names, folder):
    subprocess.run([os.path.join(programs, "matluoi-sensor"), "replay", *captures(names), "--rules", rules, "--out", folder,
                    "--checksums", "none"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return alerts_of(folder + "/eve.json")


def alerts_of(eve):
    with open(eve, "rb") as file:
        return [line for line in file if b'"event_type":"alert"' in line]


def measure(programs, folder, lines, pause):
    """Bytes up for these alerts and everything beside them: handshakes, heartbeats, acknowledgements of TCP."""
    with Apart(programs, folder) as site:
        site.wire.settings(delay=0.02)
        eve = folder + "/alerts.json"
        with open(eve, "wb") as file:
            if not pause:
                file.writelines(lines)
        before, begun = site.wire.bytes[1], time.monotonic()
        sensor = site.sensor("forward", "--state-dir", site.state, "--file", eve, "--canary-seconds", "0")
        if pause:
            with open(eve, "ab", buffering=0) as file:
                for line in lines:
                    file.write(line)
                    time.sleep(pause)
        wait_until("the alerts", lambda: site.collector.ledger(site.id).get("alert", {}).get("stored") == len(lines), 600)
        up, took = site.wire.bytes[1] - before, time.monotonic() - begun
        sensor.terminate()
        sensor.wait(30)
        return up, took


def main():
    programs, rules, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        lines = alerts(programs, rules, names, folder) if names else alerts_of(rules)
        signatures = {json.loads(line)["alert"]["signature_id"] for line in lines}
        print(f"{len(lines)} alerts of {len(signatures)} rules, {sum(map(len, lines)) / len(lines):.0f} bytes of EVE each")
        print("| how they come | alerts | seconds | bytes up | bytes an alert |")
        print("|---|---:|---:|---:|---:|")
        for name, some, pause in [("in one go", lines, 0), (f"one every {PAUSE_S} s", lines[:SINGLE], PAUSE_S)]:
            with tempfile.TemporaryDirectory() as site:
                up, took = measure(programs, site, some, pause)
            print(f"| {name} | {len(some)} | {took:.0f} | {up} | {up / len(some):.0f} |", flush=True)


if __name__ == "__main__":
    main()
