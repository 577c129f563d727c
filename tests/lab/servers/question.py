"""Writes a DNS question as it stands on the wire (RFC 1035 §4.1): question.py NAME A|AAAA."""

import struct
import sys

name, kind = sys.argv[1:3]
labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
header = struct.pack(">6H", 0, 0x0100, 1, 0, 0, 0)
sys.stdout.buffer.write(header + labels + b"\0" + struct.pack(">2H", {"A": 1, "AAAA": 28}[kind], 1))
