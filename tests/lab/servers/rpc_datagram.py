"""Connectionless DCE/RPC (The Open Group C706 §12.5) with little-endian headers, as a device of PROFINET speaks it:
`rpc_datagram.py server ADDRESS` answers, `rpc_datagram.py client ADDRESS` asks. No package has a server of it."""

import socket
import struct
import sys
import uuid

PORT = 34964
DEVICE = uuid.UUID("dea00001-6c97-11d1-8271-00a02442df7d")
OBJECT = uuid.UUID("dea00000-6c97-11d1-8271-000100020025")
REQUEST, RESPONSE, FAULT, ACK = 0, 2, 3, 7
NOT_IDEMPOTENT, IDEMPOTENT, LAST_FRAGMENT, FRAGMENT = 0x00, 0x20, 0x02, 0x04
UNKNOWN_OPERATION = 0x1C010002


def packet(kind, flags, activity, sequence, operation, body, fragment=0):
    return (
        struct.pack("<BBBB3sB", 4, kind, flags, 0, b"\x10\x00\x00", 0)
        + OBJECT.bytes_le
        + DEVICE.bytes_le
        + activity.bytes_le
        + struct.pack("<IIIHHHHHBB", 0, 1, sequence, operation, 0xFFFF, 0xFFFF, len(body), fragment, 0, 0)
        + body
    )


def server(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as side:
        side.bind((address, PORT))
        while True:
            asked, peer = side.recvfrom(2048)
            activity = uuid.UUID(bytes_le=asked[40:56])
            sequence, operation = struct.unpack_from("<IH", asked, 64)
            last = not asked[2] & FRAGMENT or asked[2] & LAST_FRAGMENT
            if asked[1] != REQUEST or not last:
                continue
            if operation > 5:
                answer = packet(FAULT, 0, activity, sequence, operation, struct.pack("<I", UNKNOWN_OPERATION))
            else:
                answer = packet(RESPONSE, 0, activity, sequence, operation, b"tram bom so 1")
            side.sendto(answer, peer)


def client(address):
    activity = uuid.UUID(int=0x11111111222233334444555566667777)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as side:
        side.settimeout(2)
        side.connect((address, PORT))
        side.send(packet(REQUEST, IDEMPOTENT, activity, 0, 2, b"doc"))
        side.recv(2048)
        for number, flags in ((0, FRAGMENT), (1, FRAGMENT | LAST_FRAGMENT)):
            side.send(packet(REQUEST, flags, activity, 1, 3, b"ghi" * 20, fragment=number))
        side.recv(2048)
        side.send(packet(ACK, 0, activity, 1, 3, b""))
        side.send(packet(REQUEST, NOT_IDEMPOTENT, activity, 2, 9, b""))
        side.recv(2048)


{"server": server, "client": client}[sys.argv[1]](sys.argv[2])
