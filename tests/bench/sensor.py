#!/usr/bin/python3
"""Measures the sensor on captures: start-up, processor time, throughput and peak memory, with and without rules.

usage: sensor.py --sensor PROGRAM [--rules FILE|DIR] [--runs N] [--workers N,N] [--counting PROGRAM] [--against COMMAND]
                 [PCAP...]

Kinds and digests of files are computed where a rule asks for them, as in Suricata's own configuration. --workers gives
the numbers of workers to run with (1,2). --counting is the sensor built with the feature count-allocations: allocations a
packet are told. --against runs another program on the same input in turns with ours, and prints the ratio of processor times with
start-up taken off. COMMAND has {pcap}, {out} and {rules} in it, and is run once with rules and once without (the
part in [square brackets] is then left out), e.g.
  --against 'suricata -r {pcap} -l {out} -k none [-S {rules}]'
Start-up is the time for a capture of one frame. Every figure is the median of the runs.

With several workers it is also told what the machine has to give: the whole program is run twice at once, with one worker each,
which share nothing. What slows these down (caches, memory, a hypervisor) slows workers down as well.
"""

import argparse
import glob
import os
import re
import shlex
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

# One frame of zeros: some programs refuse a capture without any.
SMALLEST = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + struct.pack("<IIII", 1, 0, 60, 60) + bytes(60)


# As the unit of the package has it.
ENVIRONMENT = dict(os.environ, MATLUOI_LOG="error", MIMALLOC_PURGE_DELAY="1000")

def packets_and_bytes(path):
    """Packets of a classic pcap file, and the bytes of their frames."""
    packets = size = 0
    with open(path, "rb") as file:
        header = file.read(24)
        magic = header[:4]
        order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        if magic not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
            sys.exit(f"{path}: not a classic pcap file; convert it with `editcap -F pcap`")
        while True:
            record = file.read(16)
            if len(record) < 16:
                return packets, size
            length = struct.unpack(order + "I", record[8:12])[0]
            file.seek(length, os.SEEK_CUR)
            packets += 1
            size += length


def measure(command):
    """(processor seconds, wall seconds, peak bytes) of one run."""
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env=ENVIRONMENT)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"exit status {child.returncode}: {shlex.join(command)}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024


def fill(template, pcap, out, rules):
    """The command of another program."""
    if rules is None:
        template = re.sub(r"\[[^\]]*\]", "", template)
    text = template.replace("[", "").replace("]", "")
    return [word.format(pcap=pcap, out=out, rules=rules) for word in shlex.split(text)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensor", required=True)
    parser.add_argument("--rules")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--counting")
    parser.add_argument("--against")
    parser.add_argument("pcaps", nargs="*", metavar="PCAP")
    arguments = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    pcaps = arguments.pcaps or sorted(glob.glob(os.path.join(here, "../pcap/*/*/input.pcap")))
    totals = [packets_and_bytes(path) for path in pcaps]
    packets, size = (sum(column) for column in zip(*totals))
    print(f"{len(pcaps)} captures, {packets} packets, {size / 1e6:.1f} MB; median of {arguments.runs} runs")
    print(f"{'':28}{'start-up s':>11}{'cpu s':>9}{'wall s':>9}{'MB/s':>9}{'packets/s':>11}{'Gbit/s':>8}{'peak MB':>9}")

    with tempfile.TemporaryDirectory() as folder:
        empty = os.path.join(folder, "empty.pcap")
        with open(empty, "wb") as file:
            file.write(SMALLEST)
        out = os.path.join(folder, "out")

        def replay(program, captures, rules, workers):
            command = [program, "replay", *captures, "--out", out, "--checksums", "none", "--threads", str(workers),
                       "--set", "outputs.eve-log.types.files.force-magic=no",
                       "--set", "outputs.eve-log.types.files.force-hash=[]"]
            return command + (["--rules", rules] if rules else [])

        def ours(workers):
            return lambda captures, rules: [replay(arguments.sensor, captures, rules, workers)]

        def theirs(captures, rules):
            return [fill(arguments.against, capture, out, rules) for capture in captures]

        def total(commands):
            """The sums of processor and wall time, and the highest peak, over commands."""
            figures = []
            for command in commands:
                shutil.rmtree(out, ignore_errors=True)
                os.makedirs(out)
                figures.append(measure(command))
            cpu, wall, peak = zip(*figures)
            return sum(cpu), sum(wall), max(peak)

        def side_by_side(captures, rules):
            """Wall time of two runs at once."""
            commands = []
            for number in range(2):
                command = replay(arguments.sensor, captures, rules, 1)
                command[command.index("--out") + 1] = os.path.join(folder, f"side{number}")
                commands.append(command)
            started = time.monotonic()
            children = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         env=ENVIRONMENT) for command in commands]
            for child in children:
                if child.wait() != 0:
                    sys.exit(f"exit status {child.returncode}: {shlex.join(child.args)}")
            return time.monotonic() - started

        def allocations(captures, rules):
            """Allocations while packets are replayed, as the counting sensor tells them on its error output."""
            os.makedirs(out, exist_ok=True)
            done = subprocess.run(replay(arguments.counting, captures, rules, 1), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, check=True)
            return int(re.search(r"allocations: (\d+)", done.stderr)[1])

        programs = [(f"ours, {workers} worker" + "s" * (workers > 1), ours(workers))
                    for workers in map(int, arguments.workers.split(","))]
        single = programs[0][0]
        if arguments.against:
            programs.append(("the other", theirs))
        for label, rules in [("without rules", None)] + ([("with rules", arguments.rules)] if arguments.rules else []):
            rows = {name: [] for name, _ in programs}
            sides = []
            # In turns, so that a machine that slows down slows both down.
            for _ in range(arguments.runs):
                for name, commands in programs:
                    start = total(commands([empty], rules))
                    starts = len(pcaps) if name == "the other" else 1
                    cpu, wall, peak = total(commands(pcaps, rules))
                    rows[name].append((start[0], cpu - starts * start[0], wall - starts * start[1], peak))
                if len(arguments.workers.split(",")) > 1:
                    both = side_by_side(pcaps, rules) - side_by_side([empty], rules)
                    sides.append(2 * rows[single][-1][2] / max(both, 1e-6))
            for name, _ in programs:
                start, cpu, wall, peak = (statistics.median(column) for column in zip(*rows[name]))
                cpu, wall = max(cpu, 1e-6), max(wall, 1e-6)
                print(f"{name + ', ' + label:28}{start:>11.2f}{cpu:>9.2f}{wall:>9.2f}{size / 1e6 / cpu:>9.1f}"
                      f"{packets / cpu:>11.0f}{size * 8 / 1e9 / cpu:>8.2f}{peak / 1e6:>9.1f}")
            if arguments.counting:
                print(f"  allocations a packet: {allocations(pcaps, rules) / max(packets, 1):.2f}")
            if sides:
                print(f"  what two processors of this machine give: {statistics.median(sides):.2f} times one"
                      f" ({min(sides):.2f} to {max(sides):.2f})")
            for name, _ in programs[1:]:
                columns = [("processor time", 1), ("wall time", 2)]
                if name == "the other":
                    columns += [("start-up", 0), ("peak memory", 3)]
                for column, at in columns:
                    ratios = [b[at] / max(a[at], 1e-6) for a, b in zip(rows[single], rows[name])]
                    print(f"  {column}, {name} to {single}: {statistics.median(ratios):.2f}"
                          f" ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
