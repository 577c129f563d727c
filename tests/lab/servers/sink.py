#!/usr/bin/env python3
"""Accepts connections on some ports, reads a little, says nothing, closes: sink.py ADDRESS PORT..."""

import socketserver
import sys
import threading


class Sink(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(1)
        try:
            self.request.recv(4096)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


threads = [
    threading.Thread(target=Server((sys.argv[1], int(port)), Sink).serve_forever)
    for port in sys.argv[2:]
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
