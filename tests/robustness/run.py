#!/usr/bin/env python3
"""Replays captures that were damaged on the way: packets cut short, bits flipped, packets out of order, packets lost.

    run.py SENSOR [--rules FILE] [--every N] [--seed N] FOLDER-OR-CAPTURE...

The sensor must end by itself, without panic, in bounded time, with no more memory than a limit. With --every N one
capture in N is taken (which ones, the seed decides). A damaged capture that fails is kept, and named.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

# Captures are far below this; a parser that grows with bad input passes it soon.
MEMORY_LIMIT_BYTES = 2 << 30
MEMORY_ALLOWED_BYTES = 600 << 20
SECONDS_ALLOWED = 120
LARGEST_CAPTURE_BYTES = 20 << 20
MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}


def read(path):
    """Header, byte order and (record header, frame) pairs of a classic pcap file; None for any other."""
    data = path.read_bytes()
    order = MAGICS.get(data[:4])
    if order is None:
        return None
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, captured, wire = struct.unpack_from(order + "4I", data, at)
        frame = data[at + 16 : at + 16 + captured]
        frames.append((seconds, fraction, wire, frame))
        at += 16 + captured
    return data[:24], order, frames


def cut(frames, chance):
    """Each packet ends at a random point."""
    return [(s, f, wire, frame[: chance.randint(0, len(frame))]) for s, f, wire, frame in frames]


def flip(frames, chance):
    """A bit in one packet of three, mostly behind the addresses, so that flows stay together."""
    flipped = []
    for s, f, wire, frame in frames:
        frame = bytearray(frame)
        if frame and chance.random() < 0.34:
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(min(34, len(frame) - 1), len(frame)) if chance.random() < 0.9 else chance.randrange(len(frame))
                frame[at] ^= 1 << chance.randrange(8)
        flipped.append((s, f, wire, bytes(frame)))
    return flipped


def reorder(frames, chance):
    """Packets change places with others nearby; times stay in order."""
    places = sorted(range(len(frames)), key=lambda place: place + chance.uniform(0, 6))
    return [frames[time][:2] + frames[place][2:] for time, place in enumerate(places)]


def lose(frames, chance):
    """One packet in ten is lost, and one in fifty comes twice."""
    kept = []
    for frame in frames:
        if chance.random() >= 0.1:
            kept.append(frame)
        if chance.random() < 0.02:
            kept.append(frame)
    return kept


DAMAGES = (cut, flip, reorder, lose)


def write(path, header, order, frames):
    with path.open("wb") as file:
        file.write(header)
        for seconds, fraction, wire, frame in frames:
            file.write(struct.pack(order + "4I", seconds, fraction, len(frame), wire) + frame)


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))


def replay(sensor, rules, capture, folder):
    """What is wrong with a replay; None if nothing is."""
    command = [sensor, "replay", str(capture), "--out", str(folder), "--checksums", "none"]
    for path in rules:
        command += ["--rules", path]
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, preexec_fn=limit)
        try:
            process.wait(SECONDS_ALLOWED)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f"still running after {SECONDS_ALLOWED} s"
    text = errors.read_text(errors="replace")
    if process.returncode != 0:
        return f"exit code {process.returncode}: {text.strip()[-300:]}"
    if "panicked" in text:
        return f"panic: {text[text.index('panicked'):][:300]}"
    if not (folder / "eve.json").exists():
        return "no eve.json"
    return None


def check(sensor, rules, path, seed):
    """Failures of one capture under every damage, and the number of runs."""
    content = read(path)
    if content is None:
        return [], 0
    header, order, frames = content
    failures = []
    for damage in DAMAGES:
        chance = random.Random(f"{seed}/{path.name}/{damage.__name__}")
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            damaged = folder / "input.pcap"
            write(damaged, header, order, damage(frames, chance))
            problem = replay(sensor, rules, damaged, folder)
            if problem:
                kept = pathlib.Path(tempfile.gettempdir()) / f"damaged-{damage.__name__}-{path.name}"
                shutil.copy(damaged, kept)
                failures.append(f"{damage.__name__} {path}: {problem} (kept as {kept})")
    return failures, len(DAMAGES)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sensor")
    parser.add_argument("inputs", nargs="+", type=pathlib.Path)
    parser.add_argument("--rules", action="append", default=[])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    captures = []
    for given in arguments.inputs:
        found = sorted(given.rglob("*.pcap")) if given.is_dir() else [given]
        captures += [path for path in found if path.stat().st_size <= LARGEST_CAPTURE_BYTES]
    captures = [
        path for path in captures
        if random.Random(f"{arguments.seed}/{path.name}").randrange(arguments.every) == 0
    ]
    sensor = str(pathlib.Path(arguments.sensor).resolve())
    runs, failures = 0, []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = [pool.submit(check, sensor, arguments.rules, path, arguments.seed) for path in captures]
        for job in concurrent.futures.as_completed(jobs):
            found, count = job.result()
            runs += count
            for failure in found:
                print(failure, flush=True)
            failures += found
    # Children's peak: one that grew shows.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"{len(captures)} captures, largest process {peak >> 20} MB")
    if peak > MEMORY_ALLOWED_BYTES:
        failures.append("memory")
        print(f"more than {MEMORY_ALLOWED_BYTES >> 20} MB")
    print(f"{runs - len(failures)} passed, {len(failures)} failed")
    sys.exit(bool(failures) or not runs)


if __name__ == "__main__":
    main()
