#!/usr/bin/env python3
"""The laboratory's web program: forms, a search over a real (and injectable) database, uploads,
a protected page and a planted webshell which runs one harmless command. Never run it outside."""

import base64
import html
import pathlib
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
DATABASE.executescript(
    "create table news(id integer, title text, body text);"
    "insert into news values(1,'Thong bao','Lich tiep cong dan'),(2,'Tin tuc','Hop giao ban');"
)
LOCK = threading.Lock()
FOLDER = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
WEBSHELL_COMMANDS = {"id", "whoami", "head -n 3 /etc/passwd"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ung-dung/1.0"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="text/html; charset=utf-8", headers=()):
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def chunked(self, parts):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            data = part.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def body(self):
        return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1 << 20))

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        if FOLDER and (FOLDER / url.path.lstrip("/")).is_file() and ".." not in url.path:
            data = (FOLDER / url.path.lstrip("/")).read_bytes()
            self.reply(200, data, "image/jpeg" if url.path.endswith(".jpg") else "application/octet-stream")
        elif url.path == "/app/tin":
            try:
                with LOCK:
                    rows = DATABASE.execute("select title, body from news where id=" + query["id"][0]).fetchall()
                self.reply(200, "<ul>%s</ul>" % "".join("<li>%s %s" % row for row in rows))
            except Exception as fault:
                self.reply(500, "sqlite3 error: %s" % fault)
        elif url.path == "/app/tim":
            self.reply(200, "<p>Ket qua cho %s</p>" % query.get("q", [""])[0])
        elif url.path == "/app/xuat":
            self.chunked(["dong %d\n" % n for n in range(40)])
        elif url.path == "/app/login":
            self.reply(200, "<form method=post><input name=username><input name=password type=password></form>")
        elif url.path.startswith("/app/quan-tri"):
            wanted = "Basic " + base64.b64encode(b"admin:Lab-2026").decode()
            if self.headers.get("Authorization") == wanted:
                self.reply(200, "quan tri")
            else:
                self.reply(401, "can dang nhap", headers=[("WWW-Authenticate", 'Basic realm="quan tri"')])
        elif "cmd" in query:
            self.shell(query["cmd"][0])
        else:
            self.reply(404, "<h1>404</h1> khong tim thay " + html.escape(unquote(url.path)[:80]))

    do_HEAD = do_GET

    def do_POST(self):
        body = self.body()
        form = parse_qs(body.decode("latin-1"), keep_blank_values=True)
        if self.path == "/app/login":
            good = form.get("username") == ["canbo"] and form.get("password") == ["MatKhau1"]
            self.reply(200 if good else 403, "xin chao" if good else "sai mat khau")
        elif self.path.startswith("/wsman"):
            self.reply(401, "", headers=[("WWW-Authenticate", "Negotiate")])
        elif "cmd" in form or "pass" in form:
            self.shell((form.get("cmd") or ["id"])[0])
        else:
            self.reply(200, "da nhan %d byte" % len(body))

    do_PUT = do_POST

    def shell(self, command):
        if command in WEBSHELL_COMMANDS:
            text = subprocess.run(command.split(), capture_output=True, text=True, timeout=5).stdout
        else:
            text = ""
        self.reply(200, text, "text/plain")


ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
