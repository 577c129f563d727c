#!/usr/bin/env python3
"""Answers every LLMNR question for an address with its own: llmnr.py ADDRESS."""

import socket
import struct
import sys

GROUP = "224.0.0.252"
PORT = 5355
ADDRESS = socket.inet_aton(sys.argv[1])

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("", PORT))
server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + ADDRESS)
while True:
    query, sender = server.recvfrom(512)
    if len(query) < 17 or query[2] & 0x80:
        continue
    question = query[12:]
    header = query[:2] + struct.pack(">HHHHH", 0x8000, 1, 1, 0, 0)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 30, 4) + ADDRESS
    server.sendto(header + question + answer, sender)
