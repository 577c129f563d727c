#!/usr/bin/env python3
"""A telnet log-in that refuses everybody: telnet.py ADDRESS PORT."""

import socketserver
import sys


class Login(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self):
        try:
            self.wfile.write(b"\xff\xfb\x01\xff\xfb\x03Thiet bi mang tinh\r\nlogin: ")
            self.rfile.readline(200)
            self.wfile.write(b"Password: ")
            self.rfile.readline(200)
            self.wfile.write(b"\r\nLogin incorrect\r\n")
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server((sys.argv[1], int(sys.argv[2])), Login).serve_forever()
