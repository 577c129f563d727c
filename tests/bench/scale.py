#!/usr/bin/python3
"""How a sensor's time and memory grow, and what traffic costs that is made to hurt.

usage: scale.py --sensor PROGRAM --rules FILE|DIR [--counting PROGRAM] [--only growth|steady|rules|hurt] [--gigabytes N]

growth: sessions at once (10 thousand, 100 thousand, a million), and the length of one session (up to --gigabytes, 10).
steady: allocations in a session of 10 and of 100 MB, by a sensor that counts them (built with the feature count-allocations).
rules:  the first 1,000 rules of a rule set, 15,000, 35,000 (as many as there are).
hurt:   processor time a byte of frames, with rules, as a multiple of ordinary traffic's; it is to stay within ten.
Start-up is taken off. Traces are made on the fly and read from a pipe; nothing is kept.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading

import traces


def replay(sensor, make, rules=None, **settings):
    """(usage, what was told on the error output, trace) of a replay of what `make` writes."""
    with tempfile.TemporaryDirectory() as out:
        command = [sensor, "replay", "-", "--out", out, "--checksums", "none"]
        for key, value in {"outputs.eve-log.types.files.force-magic": "no", **settings}.items():
            command += ["--set", f"{key}={value}"]
        child = subprocess.Popen(command + (["--rules", rules] if rules else []), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        made = []

        def write():
            try:
                made.append(make(child.stdin))
                child.stdin.close()
            except BrokenPipeError:
                pass

        writing = threading.Thread(target=write)
        writing.start()
        told = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        writing.join()
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"{' '.join(command)}: {told.decode(errors='replace')[-2000:]}")
        return usage, told, made[0]


def run(sensor, make, rules=None, **settings):
    """(processor seconds, peak bytes, trace) of a replay."""
    usage, _, trace = replay(sensor, make, rules, **settings)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, trace


def allocations(sensor, make, rules=None):
    """How often memory was allocated in a replay, by a sensor that counts it."""
    counted = re.search(rb"allocations: (\d+)", replay(sensor, make, rules)[1])
    if counted is None:
        sys.exit("allocations are not counted: build the sensor with --features count-allocations, and name it with --counting")
    return int(counted[1])


def nothing(out):
    trace = traces.Trace(out)
    trace.frame(bytes(60))
    return trace


def row(name, *figures):
    print(f"{name:34}" + "".join(f"{figure:>14}" for figure in figures), flush=True)


def growth(arguments):
    row("sessions at once", "cpu s", "us a session", "peak MB", "B a session")
    _, empty, _ = run(arguments.sensor, nothing)
    for count in (10_000, 100_000, 1_000_000):
        seconds, peak, _ = run(arguments.sensor, lambda out: traces.flows(out, count), **{"flow.hash-size": 1_048_576})
        row(f"{count:,}", f"{seconds:.2f}", f"{seconds / count * 1e6:.1f}", f"{peak / 1e6:.0f}", f"{(peak - empty) / count:,.0f}")
    seconds, peak, _ = run(arguments.sensor, lambda out: traces.flows(out, 1_000_000))
    row("1,000,000, room for 262,144", f"{seconds:.2f}", f"{seconds:.1f}", f"{peak / 1e6:.0f}", "")
    print()
    row("one session, GB", "cpu s", "s a GB", "peak MB")
    for gigabytes in sorted({0.1, 1, arguments.gigabytes}):
        seconds, peak, _ = run(arguments.sensor, lambda out: traces.long_flow(out, int(gigabytes * 1e9)))
        row(f"{gigabytes}", f"{seconds:.2f}", f"{seconds / gigabytes:.2f}", f"{peak / 1e6:.0f}")
    print()


def steady(arguments):
    """More of one session is to cost no allocation more."""
    if arguments.counting is None:
        return
    row("one session, MB", "allocations", "with rules")
    for megabytes in (10, 100):
        told = [allocations(arguments.counting, lambda out: traces.long_flow(out, megabytes * 1_000_000), rules)
                for rules in (None, arguments.rules)]
        row(f"{megabytes}", *(f"{count:,}" for count in told))
    print()


def rules(arguments):
    lines = []
    folder = arguments.rules
    paths = [folder] if os.path.isfile(folder) else sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".rules"))
    for path in paths:
        with open(path, errors="replace") as file:
            lines += [line for line in file if line.startswith("alert")]
    row("rules", "start-up s", "us a rule", "peak MB", "B a rule", "cpu s, traffic")
    _, empty, _ = run(arguments.sensor, nothing)
    for count in sorted({min(count, len(lines)) for count in (1_000, 15_000, 35_000)}):
        with tempfile.NamedTemporaryFile("w", suffix=".rules") as file:
            # From all over the set, not the first file of it.
            file.writelines(lines[at * len(lines) // count] for at in range(count))
            file.flush()
            start, peak, _ = run(arguments.sensor, nothing, file.name)
            seconds, _, _ = run(arguments.sensor, traces.ordinary, file.name)
            row(f"{count:,}", f"{start:.2f}", f"{start / count * 1e6:.0f}", f"{peak / 1e6:.0f}", f"{(peak - empty) / count:,.0f}", f"{seconds - start:.2f}")
    print()


def hurt(arguments):
    start, empty, _ = min((run(arguments.sensor, nothing, arguments.rules) for _ in range(3)), key=lambda one: one[0])
    row("with rules", "cpu s", "MB of frames", "ns a byte", "times ordinary", "peak MB more")
    measure = None
    for make in [traces.ordinary, *traces.HURTING]:
        seconds, peak, trace = min((run(arguments.sensor, make, arguments.rules) for _ in range(3)), key=lambda one: one[0])
        cost = (seconds - start) / trace.bytes * 1e9
        measure = measure or cost
        row(make.__name__.replace("_", " "), f"{seconds - start:.2f}", f"{trace.bytes / 1e6:.1f}", f"{cost:.0f}", f"{cost / measure:.1f}", f"{(peak - empty) / 1e6:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensor", required=True)
    parser.add_argument("--rules", required=True)
    parser.add_argument("--counting")
    parser.add_argument("--only", choices=["growth", "steady", "rules", "hurt"])
    parser.add_argument("--gigabytes", type=float, default=10)
    arguments = parser.parse_args()
    for part in (growth, steady, rules, hurt):
        if arguments.only in (None, part.__name__):
            part(arguments)


if __name__ == "__main__":
    main()
