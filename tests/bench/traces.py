"""Traces made for measuring: frames of our own, written as a pcap to a file or a pipe."""

import random
import struct
import zlib

SYN, ACK, PSH, FIN = 2, 16, 8, 1
ETHERNET = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


class Trace:
    """Writes frames a microsecond apart. Checksums are not made: replay with --checksums none."""

    def __init__(self, out, step_us=1):
        self.out, self.clock, self.step = out, 1_700_000_000_000_000, step_us
        self.bytes = self.packets = 0
        out.write(HEADER)

    def frame(self, data):
        self.clock += self.step
        seconds, rest = divmod(self.clock, 1_000_000)
        self.out.write(struct.pack("<IIII", seconds, rest, len(data), len(data)) + data)
        self.bytes += len(data)
        self.packets += 1

    def ip(self, source, destination, protocol, payload, ident=0, fragment=0):
        head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), ident & 0xFFFF, fragment, 64, protocol, 0, source, destination)
        self.frame(ETHERNET + head + payload)

    def tcp(self, ends, forward, seq, ack, flags, payload=b""):
        (client, client_port), (server, server_port) = ends
        source, sport, destination, dport = (client, client_port, server, server_port) if forward else (server, server_port, client, client_port)
        head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0)
        self.ip(source, destination, 6, head + payload)

    def udp(self, ends, payload):
        (source, sport), (destination, dport) = ends
        self.ip(source, destination, 17, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload)


class Session:
    """One TCP session, both sides in order."""

    def __init__(self, trace, ends):
        self.trace, self.ends, self.seq = trace, ends, [1000, 5000]
        trace.tcp(ends, True, 999, 0, SYN)
        trace.tcp(ends, False, 4999, 1000, SYN | ACK)
        trace.tcp(ends, True, 1000, 5000, ACK)

    def send(self, forward, data, size=1460):
        mine, other = (0, 1) if forward else (1, 0)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            self.trace.tcp(self.ends, forward, self.seq[mine], self.seq[other], ACK | PSH, piece)
            self.seq[mine] += len(piece)
            if (at // size) % 8 == 7:
                self.trace.tcp(self.ends, not forward, self.seq[other], self.seq[mine], ACK)

    def close(self):
        self.trace.tcp(self.ends, True, self.seq[0], self.seq[1], ACK | FIN)
        self.trace.tcp(self.ends, False, self.seq[1], self.seq[0] + 1, ACK | FIN)
        self.trace.tcp(self.ends, True, self.seq[0] + 1, self.seq[1] + 1, ACK)


def ends(number, port=80):
    """Addresses and ports of one flow of many."""
    return (0x0A000000 + number // 50_000, 1024 + number % 50_000), (0xC6336401 + number % 97, port)


# ---- growth -------------------------------------------------------------------------------------------------------


def flows(out, count):
    """So many sessions open at once, with a request each."""
    trace = Trace(out)
    for number in range(count):
        session = Session(trace, ends(number))
        session.send(True, b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % number)
    return trace


def long_flow(out, size):
    """A session with so many bytes to the client, of a protocol that nobody knows."""
    trace = Trace(out)
    session = Session(trace, ends(0, 9000))
    block = random.Random(1).randbytes(1 << 20)
    session.send(True, b"\x00begin")
    for _ in range(size >> 20):
        session.send(False, block)
    session.close()
    return trace


# ---- what hurts ---------------------------------------------------------------------------------------------------


def ordinary(out):
    """Requests and answers of 20 kB of text, as a measure."""
    trace = Trace(out)
    words = random.Random(2)
    page = b" ".join(words.choice([b"network", b"<p>", b"the", b"class=", b"table", b"0001", b"</div>", b"value"]) for _ in range(4000))[:20_000]
    for number in range(5000):
        session = Session(trace, ends(number))
        session.send(True, b"GET /page/%d HTTP/1.1\r\nHost: a.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n" % number)
        session.send(False, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        session.close()
    return trace


def one_byte_segments(out):
    trace = Trace(out)
    for number in range(200):
        session = Session(trace, ends(number))
        session.send(True, b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\nHost: a.example\r\n\r\n", 1)
    return trace


def overlapping_segments(out):
    """Every segment is sent again, shifted by a byte, with other contents."""
    trace = Trace(out)
    data = random.Random(3).randbytes(60_000)
    for number in range(30):
        session = Session(trace, ends(number, 9000))
        for at in range(0, len(data) - 20, 8):
            for shift in (3, 2, 1, 0):
                trace.tcp(session.ends, True, 1000 + at + shift, 5000, ACK, bytes([shift]) * 8)
    return trace


def segments_out_of_order(out):
    """Each session comes from its end to its beginning, in pieces of ten bytes."""
    trace = Trace(out)
    data = random.Random(4).randbytes(30_000)
    for number in range(200):
        session = Session(trace, ends(number, 9000))
        for at in reversed(range(0, len(data), 10)):
            trace.tcp(session.ends, True, 1000 + at, 5000, ACK, data[at : at + 10])
    return trace


def fragments_never_finished(out):
    trace = Trace(out)
    for number in range(400_000):
        trace.ip(0x0A000001 + number % 5000, 0xC6336401, 17, bytes(64), ident=number, fragment=0x2000 | (number % 7))
    return trace


def deep_tunnels(out):
    """IPv4 in IPv4, as deep as a frame holds."""
    trace = Trace(out)
    for number in range(20_000):
        payload = struct.pack(">HHHH", 1024 + number % 60_000, 9, 8, 0)
        protocol = 17
        for _ in range(60):
            payload = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, 0x0A000001 + number, 0xC6336401) + payload
            protocol = 4
        trace.frame(ETHERNET + payload)
    return trace


def new_flows(out):
    """Nothing but first packets."""
    trace = Trace(out)
    for number in range(400_000):
        trace.tcp(ends(number), True, number, 0, SYN)
    return trace


def almost_matching(out):
    """Beginnings of what rules look for, over and over."""
    trace = Trace(out)
    words = [b"User-Agen", b"/etc/passw", b"cmd.ex", b"powershel", b"<scrip", b"eval(base6", b"\x00\x00\x00\x01\x00\x00", b"SELEC", b"UNIO", b"wget htt", b"${jnd", b"../.."]
    chosen = random.Random(5)
    data = b"".join(chosen.choice(words) for _ in range(100_000))
    for number in range(80):
        session = Session(trace, ends(number, 9000 if number % 2 else 80))
        if number % 2 == 0:
            session.send(True, b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n" % len(data))
        session.send(True, data)
    return trace


def decompression_bombs(out):
    """Answers of which a byte becomes a thousand."""
    trace = Trace(out)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = packer.compress(bytes(64 << 20)) + packer.flush()
    for number in range(400):
        session = Session(trace, ends(number))
        session.send(True, b"GET /bomb HTTP/1.1\r\nHost: a.example\r\n\r\n")
        session.send(False, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        session.close()
    return trace


def header_floods(out):
    """Requests with more header fields than any server takes."""
    trace = Trace(out)
    fields = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(20_000))
    for number in range(200):
        session = Session(trace, ends(number))
        session.send(True, b"GET / HTTP/1.1\r\nHost: a.example\r\n" + fields + b"\r\n")
    return trace


def pipelined_requests(out):
    """64 thousand requests of one session before the first answer."""
    trace = Trace(out)
    for number in range(10):
        session = Session(trace, ends(number))
        session.send(True, b"".join(b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % at for at in range(65_536)))
        session.send(False, b"HTTP/1.1 204 No Content\r\n\r\n" * 65_536)
    return trace


def questions(out):
    """DNS questions whose names point at each other."""
    trace = Trace(out)
    pointers = b"".join(struct.pack(">H", 0xC000 | 12 + 2 * (at + 1)) for at in range(200)) + struct.pack(">H", 0xC00C)
    for number in range(100_000):
        trace.udp(((0x0A000001 + number % 1000, 1024 + number % 60_000), (0xC6336401, 53)), struct.pack(">HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + pointers + b"\x00\x01\x00\x01")
    return trace


HURTING = [
    one_byte_segments, overlapping_segments, segments_out_of_order, fragments_never_finished, deep_tunnels, new_flows, almost_matching,
    decompression_bombs, header_floods, pipelined_requests, questions,
]
