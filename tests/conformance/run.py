#!/usr/bin/env python3
"""Runs the conformance cases and holds them against passing.txt.

usage: run.py VERIFY-FOLDER SENSOR [--update]

Exit status 1 when a case fails that passing.txt names, or when the sensor crashes or times out on any case.
--update writes the names that pass now.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PASSING = os.path.join(HERE, "passing.txt")


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    verify, sensor = (os.path.abspath(argument) for argument in arguments)
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "results.json")
        run = subprocess.run(
            [sys.executable, os.path.join(verify, "verify.py"), "--sensor", sensor, "-q", "-j", "2",
             "--results", results, "--out", os.path.join(folder, "out")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if not os.path.exists(results):
            sys.exit(run.stdout)
        with open(results, encoding="utf-8") as file:
            data = json.load(file)
    tests = data["tests"] if isinstance(data, dict) and "tests" in data else data
    if isinstance(tests, dict):
        tests = [dict(row, name=name) if isinstance(row, dict) else {"name": name, "result": row} for name, row in tests.items()]
    outcome = {row["name"]: row.get("result") or row.get("status") for row in tests}
    passing = sorted(name for name, result in outcome.items() if result == "PASS")
    broken = sorted(name for name, result in outcome.items() if result in ("CRASH", "TIMEOUT", "ERROR"))
    if "--update" in sys.argv:
        with open(PASSING, "w", encoding="utf-8") as file:
            file.write("".join(name + "\n" for name in passing))
    with open(PASSING, encoding="utf-8") as file:
        wanted = file.read().split()
    worse = [name for name in wanted if outcome.get(name) != "PASS"]
    print(f"{len(passing)} of {len(outcome)} cases pass; {len(wanted)} are to pass; {len(broken)} crash, time out or cannot be run")
    for name in worse:
        print(f"worse: {name}: {outcome.get(name, 'not run')}")
    for name in broken:
        print(f"broken: {name}: {outcome[name]}")
    sys.exit(1 if worse or broken else 0)


if __name__ == "__main__":
    main()
