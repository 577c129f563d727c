"""Signing in and out through a real provider, as a browser does: redirects, forms and cookies.

usage: signin.py FOLDER-OF-PROGRAMS PROVIDER.mjs
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "delivery"))
from bench import Collector, end_all, free_port, started  # noqa: E402

PASSWORD = "Đăng-nhập-thử-nghiệm-2026"


class Browser:
    """Cookies by host and port, and what a page leads to."""

    def __init__(self):
        self.cookies = {}
        self.visited = []

    def open(self, address, form=None):
        """Follows redirects; the last address, status and text."""
        for _ in range(12):
            url = urllib.parse.urlsplit(address)
            self.visited.append(address)
            jar = self.cookies.setdefault(url.netloc, {})
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()), "Accept": "text/html"}
            body = None
            if form is not None:
                body = urllib.parse.urlencode(form)
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection = http.client.HTTPConnection(url.netloc, timeout=30)
            connection.request("GET" if form is None else "POST", url.path + (f"?{url.query}" if url.query else ""), body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    content = rest.split(";")[0]
                    if content == "" or "Max-Age=0" in rest or "1970" in rest:
                        jar.pop(key, None)
                    else:
                        jar[key] = content
            if answer.status not in (302, 303):
                return address, answer.status, text
            address, form = urllib.parse.urljoin(address, answer.getheader("Location")), None
        raise AssertionError("it goes round in circles")

    def submit(self, address, text, **fields):
        """Sends the form of a page."""
        action = re.search(r'<form[^>]*action="([^"]+)"', text).group(1)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))
        return self.open(urllib.parse.urljoin(address, action.replace("&amp;", "&")), {**hidden, **fields})


class Place:
    def __init__(self, programs, provider, folder, manner):
        self.collector = Collector(programs, os.path.join(folder, "data"))
        self.collector.admin("user", "list")
        for name, role in [("thu", "administrator"), ("minh", "analyst"), ("admin", "administrator")]:
            subprocess.run([self.collector.program, "admin", "--data", self.collector.data, "user", "add", name, "--role", role,
                            "--password-stdin"], input=PASSWORD.encode(), check=True, capture_output=True)
        self.collector.start()
        self.origin = f"http://{self.collector.api}"
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        process = subprocess.Popen(["node", provider, str(port), self.origin, manner], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        started.append(process)
        assert b"ready" in process.stdout.readline()
        status, session = self.json(Browser(), "POST", "/session", {"username": "thu", "password": PASSWORD})
        assert status == 200, session

    def json(self, browser, method, path, body=None, csrf=""):
        netloc = self.collector.api
        jar = browser.cookies.setdefault(netloc, {})
        connection = http.client.HTTPConnection(netloc, timeout=30)
        connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), {
            "Content-Type": "application/json", "X-CSRF-Token": csrf,
            "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())})
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                jar[key] = rest.split(";")[0]
        return answer.status, json.loads(answer.read() or b"null")

    def come(self, person, browser=None, cancel=False):
        """Goes through the provider; where one arrives, and the browser."""
        browser = browser or Browser()
        address, status, text = browser.open(self.origin + "/api/v1/session/provider/begin?next=%2Fhunt")
        assert status == 200 and address.startswith(self.issuer), (address, status)
        if cancel:
            link = re.search(r'href="([^"]*abort)"', text).group(1)
            return browser.open(urllib.parse.urljoin(address, link))[0], browser
        for _ in range(3):
            if not address.startswith(self.issuer):
                break
            fields = {"login": person, "password": "x"} if 'name="login"' in text else {}
            address, status, text = browser.submit(address, text, **fields)
        return address, browser


def run(programs, provider, manner):
    folder = tempfile.mkdtemp(prefix="matluoi-signin-")
    try:
        place = Place(programs, provider, folder, manner)
        thu = Browser()
        _, session = place.json(thu, "POST", "/session", {"username": "thu", "password": PASSWORD})
        csrf = session["csrf"]
        assert place.json(Browser(), "GET", "/session/provider")[1] == {"label": None}, "off by default"
        settings = {"enabled": True, "label": "Tỉnh", "issuer": place.issuer, "client_id": "matluoi", "secret": "sai",
                    "origin": place.origin, "name_claim": "email", "role_claim": "groups", "creates": True,
                    "places": [{"value": "soc", "role": "analyst", "unit_id": 1}]}
        tried = place.json(thu, "POST", "/provider/try", settings, csrf)
        assert tried == (200, {"works": True, "code": None, "reason": None}), tried
        # A wrong secret of ours: nobody gets in, and it is no fault of the person's.
        assert place.json(thu, "PUT", "/provider", settings, csrf)[0] == 200
        assert place.come("lan")[0].endswith("/sign-in?fault=provider_refused")
        status, told = place.json(thu, "PUT", "/provider", {**settings, "secret": "mat-khau-cua-may-chu"}, csrf)
        assert status == 200 and told["secret"] == "", told

        # Made when she comes, with the place that her group gives; known again the next time.
        for _ in range(2):
            address, lan = place.come("lan")
            assert address == place.origin + "/hunt", address
            status, session = place.json(lan, "GET", "/session")
            user = session["user"]
            assert (status, user["name"], user["display_name"], user["role"]) == (200, "lan", "Lê Lan", "analyst"), session
        # There is no password for her.
        assert place.json(Browser(), "POST", "/session", {"username": "lan", "password": ""})[0] == 401
        # Nobody's group, and nobody has announced him; then an administrator does.
        assert place.come("minh")[0].endswith("/sign-in?fault=provider_unknown")
        users = {user["name"]: user["id"] for user in place.json(thu, "GET", "/users")[1]}
        assert place.json(thu, "PUT", f"/users/{users['minh']}/identity", {"expected": "Minh@tinh.vn"}, csrf)[0] == 204
        # Who only claims his address does not become him; nor the administrator by calling herself so.
        assert place.come("evil")[0].endswith("/sign-in?fault=provider_unknown")
        address, minh = place.come("minh")
        assert address == place.origin + "/hunt", address
        assert place.json(minh, "GET", "/session")[1]["user"]["id"] == users["minh"]
        assert place.json(thu, "PUT", "/provider", {**settings, "secret": "", "name_claim": "preferred_username"}, csrf)[0] == 200
        assert place.come("evil")[0].endswith("/sign-in?fault=provider_unknown")
        # Disabled here, the provider's word does not help.
        assert place.json(thu, "PATCH", f"/users/{users['minh']}", {"disabled": True}, csrf)[0] == 200
        assert place.json(minh, "GET", "/session")[0] == 401
        assert place.come("minh")[0].endswith("/sign-in?fault=provider_unknown")
        # Somebody thinks better of it.
        assert place.come("lan", cancel=True)[0].endswith("/sign-in?fault=provider_cancelled")
        # Signing out ends both sessions: the provider asks for a name again.
        status, told = place.json(lan, "GET", "/session/provider/logout")
        assert told["address"].startswith(place.issuer), told
        csrf_of_lan = place.json(lan, "GET", "/session")[1]["csrf"]
        assert place.json(lan, "DELETE", "/session", csrf=csrf_of_lan)[0] == 204
        address, _, text = lan.open(told["address"])
        address, status, _ = lan.submit(address, text, logout="yes")
        assert address == place.origin + "/sign-in", address
        _, _, text = lan.open(place.origin + "/api/v1/session/provider/begin")
        assert 'name="login"' in text, "the provider still knows her"
        told = place.json(thu, "GET", "/session/provider/logout")[1]
        assert told == {"address": None}, "a password's session has nothing to end there"
        rows = place.collector.sql("SELECT action, user, detail FROM audit WHERE action LIKE 'session.%' AND detail LIKE '%provider%'")
        assert {action for action, *_ in rows} == {"session.create", "session.refuse"}, rows
        assert any(user == "lan" for _, user, _ in rows)
        print(f"  {manner}: {len(rows)} sign-ins and refusals, all in the audit log")
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for manner in ("conforming", "generous"):
        run(sys.argv[1], sys.argv[2], manner)
