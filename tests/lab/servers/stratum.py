#!/usr/bin/env python3
"""A mining pool that answers a miner's JSON lines, and mines nothing: stratum.py ADDRESS PORT."""

import json
import socketserver
import sys

JOB = {"job_id": "4Yy", "blob": "0e0e" + "ab" * 74, "target": "b88d0600", "algo": "rx/0"}


class Pool(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self):
        try:
            for line in self.rfile:
                ask = json.loads(line)
                answer = {"id": ask.get("id"), "jsonrpc": "2.0", "error": None, "result": True}
                if ask["method"] == "login":
                    answer["result"] = {"id": "a1b2", "job": JOB, "status": "OK"}
                elif ask["method"] == "mining.subscribe":
                    answer["result"] = [[["mining.notify", "ae68"]], "08000002", 4]
                self.wfile.write(json.dumps(answer).encode() + b"\n")
        except (OSError, ValueError, KeyError):
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server((sys.argv[1], int(sys.argv[2])), Pool).serve_forever()
