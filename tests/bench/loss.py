#!/usr/bin/python3
"""Packets lost against the rate at which they come, on a veth between network namespaces. As root.

usage: loss.py --sensor PROGRAM --rules FILE|DIR [--workers N] [--mbit N,N,...] [--seconds N] [--against COMMAND] CAPTURE

CAPTURE is replayed over and over by tcpreplay at each rate. COMMAND is another program to measure on the same wire, with {interface}, {out}
and, in [square brackets] or not, {rules} in it, which writes {out}/eve.json with `stats` records as Suricata does, e.g.
  --against 'suricata -c suricata.yaml -i {interface} -l {out} -k none -S {rules}'
Told are packets sent, seen and lost by the kernel's ring; a rate that the machine cannot send is told as what was sent.
"""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

WIRE, WATCH = "ml-loss-wire", "ml-loss-watch"


def sh(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout + done.stderr


def inside(space, *command, **options):
    return sh("ip", "netns", "exec", space, *command, **options)


def wire():
    for space in (WIRE, WATCH):
        sh("ip", "netns", "del", space, check=False)
        sh("ip", "netns", "add", space)
        sh("ip", "-n", space, "link", "set", "lo", "up")
    sh("ip", "link", "add", "wire0", "netns", WIRE, "type", "veth", "peer", "name", "tap0", "netns", WATCH)
    for space, card in ((WIRE, "wire0"), (WATCH, "tap0")):
        inside(space, "sysctl", "-qw", f"net.ipv6.conf.{card}.disable_ipv6=1")
        inside(space, "ethtool", "-K", card, "gro", "off", "gso", "off", "tso", "off", check=False)
        inside(space, "ip", "link", "set", card, "mtu", "9000", "up")


def ours(arguments, work):
    (work / "sensor.toml").write_text(
        f'state_dir = "{work}"\n[run]\nconfinement = "none"\nprofile = "standard"\n[input]\ninterface = "tap0"\nworkers = {arguments.workers}\n'
        f'[rules]\npaths = ["{Path(arguments.rules).resolve()}"]\n[evidence]\nmode = "off"\n'
        f'[[output]]\nto = "file:{work}/eve.json"\n[metrics]\nlisten = "127.0.0.1:9469"\n'
    )

    def counts():
        text = inside(WATCH, "curl", "-sf", "http://127.0.0.1:9469/metrics", check=False)
        value = lambda name: sum(int(number) for number in re.findall(rf"^matluoi_sensor_{name} (\d+)$", text, re.M))
        return (value("packets_total"), value('drops_total{where="ring"}'), sum(map(int, re.findall(r"^matluoi_sensor_shed_packets_total\S* (\d+)$", text, re.M)))) if text else None

    return [Path(arguments.sensor).resolve(), "run", "--config", work / "sensor.toml"], counts


def other(arguments, work):
    command = arguments.against.replace("[", "").replace("]", "").format(interface="tap0", out=work, rules=arguments.rules)

    def counts():
        try:
            lines = (work / "eve.json").read_text().splitlines()
        except OSError:
            return None
        stats = [json.loads(line)["stats"]["capture"] for line in lines if '"event_type":"stats"' in line]
        # What it tells as packets are those that came, lost ones among them.
        return (stats[-1]["kernel_packets"] - stats[-1]["kernel_drops"], stats[-1]["kernel_drops"], 0) if stats else None

    return shlex.split(command), counts


def measure(arguments, program, mbit):
    wire()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        command, counts = program(arguments, work)
        child = subprocess.Popen(["ip", "netns", "exec", WATCH, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            begun = time.monotonic()
            while counts() is None:
                if child.poll() is not None or time.monotonic() - begun > 120:
                    raise SystemExit(f"{command[0]} does not come up")
                time.sleep(0.3)
            told = inside(WIRE, "timeout", "-s", "INT", str(arguments.seconds), "tcpreplay", "-K", "-i", "wire0", "-M", str(mbit), "-l", "0", arguments.capture, check=False)
            time.sleep(3)
            if program is other:
                # Its counters are told at its end.
                child.send_signal(signal.SIGINT)
                child.wait(60)
            seen, lost, shed = counts()
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(60)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            for space in (WIRE, WATCH):
                sh("ip", "netns", "del", space, check=False)
        sent = re.search(r"Actual: (\d+) packets", told)
        rate = re.search(r"Rated: [\d.]+ Bps, ([\d.]+) Mbps", told)
        return int(sent.group(1)) if sent else 0, float(rate.group(1)) if rate else 0.0, seen, lost, shed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensor", required=True)
    parser.add_argument("--rules", required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--mbit", default="200,400,600,800,1000,1500")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--against")
    parser.add_argument("capture")
    arguments = parser.parse_args()
    arguments.capture = os.path.abspath(arguments.capture)
    print(f"{'Mbit/s':>8}{'sent Mbit/s':>13}{'program':>9}{'sent':>12}{'seen':>12}{'lost':>10}{'lost %':>8}{'shed':>10}")
    for mbit in map(int, arguments.mbit.split(",")):
        for name, program in [("ours", ours), ("other", other)]:
            if program is other and not arguments.against:
                continue
            sent, rate, seen, lost, shed = measure(arguments, program, mbit)
            print(f"{mbit:>8}{rate:>13.0f}{name:>9}{sent:>12,}{seen:>12,}{lost:>10,}{100 * lost / max(seen + lost, 1):>8.2f}{shed:>10,}", flush=True)


if __name__ == "__main__":
    main()
