"""Old partitions on their way to an archive and back: nothing is lost, nothing is there twice, and faults are told.

usage: archive.py FOLDER-OF-PROGRAMS [NAME...]
"""

import base64
import calendar
import contextlib
import glob
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "delivery"))
from bench import Collector, end_all, free_port, ndjson, spawn, wait_until  # noqa: E402

import boto3  # noqa: E402

PASSWORD = "Lưu-trữ-thử-nghiệm-2026"
BUCKET = "luu-tru"
EVERYTHING = {"from": "2026-01-01T00:00:00Z", "to": "2026-06-30T00:00:00Z"}
LONG_AGO = time.time() - 2 * 3600


class Console:
    """A collector, and somebody who is signed in."""

    def __init__(self, programs, folder, settings=""):
        self.archive = os.path.join(folder, "archive")
        os.makedirs(self.archive, exist_ok=True)
        settings = f'[archive]\nfolders = ["{folder}"]\n[retention]\nrecords_days = 30\nalerts_days = 400\n{settings}'
        self.collector = Collector(programs, os.path.join(folder, "data"), settings)
        subprocess.run([self.collector.program, "admin", "--data", self.collector.data, "user", "add", "thu", "--role",
                        "administrator", "--password-stdin"], input=PASSWORD.encode(), check=True, capture_output=True)
        self.token = self.collector.admin("source", "--name", "old").split()[1]
        self.sent = {}
        self.start()

    def start(self):
        self.collector.start()
        status, answer, cookie = self.raw("POST", "/session", {"username": "thu", "password": PASSWORD}, {})
        assert status == 200, answer
        self.pass_ = {"Cookie": cookie.split(";")[0], "X-CSRF-Token": answer["csrf"]}

    def raw(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.collector.api, timeout=60)
        connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null"), answer.getheader("Set-Cookie") or ""

    def ask(self, method, path, body=None, status=200):
        told, answer, _ = self.raw(method, path, body, self.pass_)
        assert told == status, (method, path, told, answer)
        return answer

    def set(self, site, **more):
        settings = {"enabled": True, "site": site, "recall_gigabytes": 1, **more}
        return self.ask("PUT", "/archive/settings", settings)

    def set_folder(self):
        self.set({"kind": "folder", "path": self.archive})

    def send(self, day, count, size=200):
        """Records of a day long ago, each with its number and what does not compress."""
        first = sum(self.sent.values())
        records = [{"timestamp": f"{day}T{n % 24:02}:00:00.{n:06}+0000", "event_type": "dns", "n": first + n,
                    "src_ip": "10.0.0.1", "dest_ip": "192.0.2.1", "proto": "UDP",
                    "dns": {"rrname": f"r{first + n}.example"}, "ballast": base64.b64encode(os.urandom(size)).decode()}
                   for n in range(count)]
        for at in range(0, count, 1_000):
            status, answer = self.collector.post("/ingest", ndjson(records[at:at + 1_000]), self.token)
            assert status == 200 and answer["accepted"] == len(records[at:at + 1_000]), answer
        self.sent[day] = self.sent.get(day, 0) + count

    def age(self):
        """Nothing has come for the days that are there for a long time."""
        for meta in glob.glob(self.collector.data + "/index/2026-0*/*/meta.json"):
            os.utime(meta, (LONG_AGO, LONG_AGO))

    def search(self, **more):
        # Records alone: chance may write what a rule of the collector alerts on.
        query = urllib.parse.urlencode({"q": "ballast:*", "limit": 1_000, "class": "record", **EVERYTHING, **more})
        return self.ask("GET", f"/search?{query}")

    def state(self):
        return self.ask("GET", "/archive")

    def numbers(self):
        """The numbers of all records that are found, each as often as it is found."""
        numbers, page = [], self.search()
        while True:
            numbers += [item["n"] for item in page["items"]]
            if not page["next_cursor"]:
                return sorted(numbers)
            page = self.search(cursor=page["next_cursor"])

    def found_or_archived(self):
        """Records that a search finds, and those of which it says that they are in the archive."""
        page = self.search()
        return page["total"] + (page["archived"] or {"events": 0})["events"]

    def wait_archived(self, packs):
        def done():
            self.age()
            state = self.state()
            return state["packs"] >= packs and self.ask("GET", "/retention")["archive_waiting"] == 0 \
                and self.search()["total"] == 0
        wait_until(f"{packs} packs", done, 180)

    def recall(self, **more):
        self.ask("POST", "/archive/recalls", {**EVERYTHING, "class": "record", "hours": 1, **more})

    def wait_recalled(self):
        def done():
            states = {one["recall"] for one in self.state()["recalls"]}
            return states and "asked" not in states
        wait_until("what was asked for", done)

    def total(self):
        return sum(self.sent.values())


class Storage:
    """moto: S3 with its rules of access, behind a wire that can be cut."""

    def __init__(self):
        self.port = free_port()
        # After so many requests, only who has a right to is served.
        self.environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "4"}
        program = os.path.join(os.path.dirname(sys.executable), "moto_server")
        self.process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(self.port)], env=self.environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = f"http://127.0.0.1:{self.port}"

        def up():
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            return False
        wait_until("moto", up)
        of_nobody = {"endpoint_url": self.address, "region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
        people = boto3.client("iam", **of_nobody)
        people.create_user(UserName="matluoi")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        people.put_user_policy(UserName="matluoi", PolicyName="s3", PolicyDocument=json.dumps(policy))
        key = people.create_access_key(UserName="matluoi")["AccessKey"]
        self.key, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        self.client = boto3.client("s3", endpoint_url=self.address, region_name="us-east-1",
                                   aws_access_key_id=self.key, aws_secret_access_key=self.secret)
        boto3.client("s3", **of_nobody).create_bucket(Bucket=BUCKET)
        self.wire = Wire(self.port)

    def site(self, **more):
        return {"kind": "s3", "endpoint": f"http://127.0.0.1:{self.wire.port}", "bucket": BUCKET, "prefix": "tinh-a",
                "region": "us-east-1", "key_id": self.key, "secret": self.secret, **more}

    def objects(self):
        listed = self.client.list_objects_v2(Bucket=BUCKET)
        return {each["Key"]: each["Size"] for each in listed.get("Contents", [])}

    def close(self):
        self.process.kill()
        self.process.wait()


class Wire:
    """A way to the storage which passes so many bytes a second, breaks after so many, or is not there."""

    def __init__(self, port):
        self.to, self.refuses, self.rate, self.left = port, False, None, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            here, _ = self.listener.accept()
            if self.refuses:
                here.close()
                continue
            there = socket.create_connection(("127.0.0.1", self.to))
            for ends in ((here, there, True), (there, here, False)):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    def pass_on(self, source, sink, is_up):
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                if is_up and self.rate:
                    time.sleep(len(piece) / self.rate)
                if is_up and self.left is not None:
                    self.left -= len(piece)
                    if self.left < 0:
                        break
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def folder(programs, folder):
    """Days go to a folder, are asked for, found as they were, and go again."""
    console = Console(programs, folder)
    console.set_folder()
    days = ["2026-01-05", "2026-01-06", "2026-02-01"]
    for day in days:
        console.send(day, 300)
    console.send("2026-01-06", 1)
    assert console.search()["total"] == 901
    console.wait_archived(3)
    page = console.search()
    told = page["archived"]
    assert (told["days"], told["events"], told["first"], told["last"]) == (3, 901, days[0], days[2]), told
    assert console.search(to="2026-01-05T12:00:00Z")["archived"]["days"] == 1
    assert console.search(**{"class": "alert"})["archived"] is None
    # One day alone, and then all.
    console.recall(**{"from": "2026-02-01T00:00:00Z"})
    console.wait_recalled()
    page = console.search()
    assert page["total"] == 300 and page["recalled"] == list(range(300)) and page["archived"]["days"] == 2, page
    console.recall()
    console.wait_recalled()
    assert console.numbers() == list(range(901))
    # A late record of a day that is back is another's.
    console.send("2026-02-01", 1)
    page = console.search()
    assert page["total"] == 902 and len(page["recalled"]) == 901, page["total"]
    # What is back is there after a restart, and not in a backup.
    console.collector.stop()
    console.start()
    assert console.numbers() == list(range(902))
    copy = os.path.join(folder, "copy")
    console.collector.admin("backup", copy)
    assert not glob.glob(copy + "/index/recalled/*")
    ended = console.ask("POST", "/archive/recalls/end", EVERYTHING)
    assert ended["packs"] == 3, ended
    wait_until("the end of the recall", lambda: console.search()["total"] == 1)
    assert not glob.glob(console.collector.data + "/index/recalled/*")
    assert console.collector.admin("archive", "verify") == "archive: 3 packs whole"
    # The state knows nothing of it any more.
    console.wait_archived(4)
    console.collector.stop()
    subprocess.run(["python3", "-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM archive_packs'); c.commit()",
                    console.collector.data + "/state.sqlite"], check=True)
    assert console.collector.admin("archive", "adopt").endswith("4 packs taken up")
    assert console.collector.admin("archive", "adopt") == "0 packs taken up"
    console.start()
    assert console.search()["archived"]["events"] == 902
    print("  902 records went, came back as they were, and went again")


def expiry(programs, folder):
    """What the rules ask for is reached with the archive; when days there are over, packs are removed and counted."""
    storage = Storage()
    console = Console(programs, folder)
    console.set(storage.site())
    for day in ["2026-01-05", "2026-02-01"]:
        console.send(day, 100)
    console.wait_archived(2)

    def shelf():
        return next(one for one in console.ask("GET", "/retention")["shelves"] if one["shelf"] == "records")

    def age(month, day):
        return int(time.time() - calendar.timegm((2026, month, day, 0, 0, 0))) // 86_400
    held = shelf()
    assert (held["archived_days"], held["oldest_archived_day"], held["days_held"]) == (2, "2026-01-05", 0), held
    assert held["days_reached"] == age(1, 5) + 1 and not held["is_short"], held
    settings = console.ask("GET", "/archive/settings")["settings"]
    for days in (0, 40_000):
        console.ask("PUT", "/archive/settings", {**settings, "records_days": days}, status=400)
    # The storage cannot be reached: nothing is forgotten, and it is told; less than the rules ask is said to be short.
    storage.wire.refuses = True
    console.set(settings["site"], records_days=31)
    wait_until("a fault", lambda: any(one["code"] == "not_removed" for one in console.state()["faults"]), 120)
    assert console.state()["packs"] == 2 and len(storage.objects()) == 4 and shelf()["is_short"]
    storage.wire.refuses = False
    console.set(settings["site"], records_days=age(2, 1) + 5)
    wait_until("the end of one", lambda: console.state()["expired_partitions"] == 1, 120)
    state = console.state()
    assert (state["packs"], state["expired_events"], state["first_day"], state["faults"]) == (1, 100, "2026-02-01", []), state
    assert sorted(name.split("/")[1] for name in storage.objects()) == ["2026-02-01"] * 2, storage.objects()
    assert console.search()["archived"]["events"] == 100
    assert 'matluoi_archive{what="expired_events"} 100' in console.collector.metric("archive{")
    # What somebody has asked for stays until that is over.
    console.recall()
    console.wait_recalled()
    assert console.search()["total"] == 100
    console.set(settings["site"], records_days=31)
    time.sleep(20)
    assert console.state()["packs"] == 1 and console.search()["total"] == 100
    console.ask("POST", "/archive/recalls/end", EVERYTHING)
    wait_until("the end of the other", lambda: console.state()["expired_partitions"] == 2, 120)
    assert storage.objects() == {} and console.search()["archived"] is None
    print("  200 records went when their days in the archive were over, and are counted")
    storage.close()


def kills(programs, folder):
    """The collector is killed while it packs, sends, notes and drops: every record is somewhere, and nowhere twice."""
    storage = Storage()
    console = Console(programs, folder)
    console.set(storage.site())
    days = [f"2026-03-{day:02}" for day in range(1, 6)]
    for day in days:
        console.send(day, 1_000, 1_500)
    storage.wire.rate = 3_000_000
    randomness = random.Random(7)
    killed = 0
    while True:
        console.age()
        time.sleep(randomness.uniform(0.2, 6))
        total = console.found_or_archived()
        assert total == console.total(), f"{total} of {console.total()} after {killed} kills"
        if console.search()["total"] == 0:
            break
        console.collector.kill()
        killed += 1
        assert killed < 60, "it comes to no end"
        console.start()
        total = console.found_or_archived()
        assert total == console.total(), f"{total} of {console.total()} after {killed} kills"
    storage.wire.rate = None
    console.wait_archived(len(days))
    assert console.state()["packs"] == len(days), console.state()["packs"]
    console.recall()
    while any(one["recall"] == "asked" for one in console.state()["recalls"]):
        time.sleep(randomness.uniform(0.05, 0.5))
        console.collector.kill()
        killed += 1
        console.start()
        time.sleep(1)
    assert {one["recall"] for one in console.state()["recalls"]} == {"here"}, console.state()["recalls"]
    assert console.numbers() == list(range(console.total()))
    names = storage.objects()
    assert len(names) == 2 * len(days), names
    print(f"  {console.total()} records over {killed} kills, each once")
    storage.close()


def faults(programs, folder):
    """Whatever is wrong with the place is told, and the partition stays until it has gone there."""
    storage = Storage()
    console = Console(programs, folder)
    full = os.path.join(folder, "full")
    os.makedirs(full)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", full], check=True)

    def broken(what, site, code, mend=None):
        tried = console.ask("POST", "/archive/settings/try", {"site": site}) if site else None
        if tried:
            assert tried["works"] is False and tried["code"] == code, (what, tried)
        if site:
            console.set(site)

        def told():
            console.age()
            return any(fault["code"] == code for fault in console.state()["faults"])
        wait_until(what, told, 120)
        page = console.search()
        assert page["total"] == console.total() and page["archived"] is None, (what, page["total"], page["archived"])
        print(f"  {what}: {code}")
        if mend:
            mend()

    try:
        console.set(storage.site())
        storage.wire.refuses = True
        console.send("2026-04-01", 800, 1_500)
        broken("nobody answers", storage.site(), "unreachable", lambda: setattr(storage.wire, "refuses", False))
        wait_until("an alarm", lambda: any(a["kind"] == "archive_failing" for a in console.ask("GET", "/alarms")["items"]))
        broken("another's secret", storage.site(secret="wrong" * 8), "refused")
        broken("no such key", storage.site(key_id="AKIAWRONG", secret="x"), "refused")
        broken("no such bucket", storage.site(bucket="khong-co"), "not_found")
        # The folder takes the small object of a try, and not the partition.
        console.set({"kind": "folder", "path": full})
        broken("a folder that is full", None, "full")
        # Half an upload.
        storage.wire.left = 200_000
        console.set(storage.site())
        wait_until("a cut", lambda: storage.wire.left < 0)
        assert console.search()["total"] == console.total()
        assert not any(name.endswith(".json") for name in storage.objects()), storage.objects()
        storage.wire.left = None
        # A secret is never told, and stays where none is given.
        settings = console.ask("GET", "/archive/settings")["settings"]
        assert settings["site"]["secret"] == "", settings
        console.set(settings["site"])
        console.wait_archived(1)
        assert console.state()["faults"] == []
        wait_until("no alarm", lambda: not any(a["kind"] == "archive_failing" for a in console.ask("GET", "/alarms")["items"]))
        # What lies there is altered: it does not come back, and nobody is told half of it.
        name = next(name for name in storage.objects() if name.endswith(".tar.zst"))
        content = storage.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        for what, other in [("a byte", content[:5_000] + bytes([content[5_000] ^ 1]) + content[5_001:]), ("the end", content[:-20]), ("more", content + b"x")]:
            storage.client.put_object(Bucket=BUCKET, Key=name, Body=other)
            console.recall()
            console.wait_recalled()
            [one] = console.state()["recalls"]
            assert one["recall"] == "failed" and one["recall_fault"].startswith("damaged"), (what, one)
            assert console.search()["total"] == 0 and not glob.glob(console.collector.data + "/index/recalled/*"), what
        verified = subprocess.run([console.collector.program, "admin", "--data", console.collector.data, "archive", "verify"], capture_output=True, text=True)
        assert verified.returncode != 0 and "damaged" in verified.stdout, verified
        storage.client.put_object(Bucket=BUCKET, Key=name, Body=content)
        # Elsewhere it is not looked for.
        console.set({"kind": "folder", "path": console.archive})
        console.recall()
        console.wait_recalled()
        assert console.state()["recalls"][0]["recall_fault"].startswith("elsewhere")
        console.set(storage.site())
        console.recall()
        console.wait_recalled()
        assert console.numbers() == list(range(800))
        # Folders that the configuration does not allow, and no way out of those that it does.
        for path in ["/", "/etc", folder + "/../..", "relative"]:
            settings = {"enabled": True, "site": {"kind": "folder", "path": path}, "recall_gigabytes": 1}
            console.ask("PUT", "/archive/settings", settings, status=400)
        # More than may be back is refused as a whole.
        console.ask("POST", "/archive/recalls/end", EVERYTHING)
        console.set(storage.site(), recall_gigabytes=0)
        console.ask("POST", "/archive/recalls", {**EVERYTHING, "hours": 1}, status=400)
        print("  800 records stayed through every fault, and came back")
    finally:
        subprocess.run(["umount", full], check=False)
        storage.close()


def no_room(programs, folder):
    """The disk is at its reserve and the archive away: what must go is counted and told; what came back goes first."""
    data = os.path.join(folder, "data")
    os.makedirs(data)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m", "none", data], check=True)
    try:
        console = Console(programs, folder, "[disk]\nreserve_megabytes = 256\n")
        console.set_folder()
        console.send("2026-05-01", 200)
        console.wait_archived(1)
        console.recall()
        console.wait_recalled()
        assert console.search()["total"] == 200
        # The archive cannot be written to any more.
        shutil.rmtree(console.archive)
        console.send("2026-05-02", 100)
        with open(os.path.join(data, "ballast"), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 300 << 20)
        wait_until("a loss", lambda: console.state()["lost_partitions"] == 1, 120)
        state = console.state()
        assert state["lost_events"] == 100 and state["losses"][0]["day"] == "2026-05-02", state["losses"]
        assert state["recalls"][0]["recall"] == "failed" and state["recalls"][0]["recall_fault"] == "no_room", state["recalls"]
        assert console.search()["total"] == 0
        assert 'matluoi_archive{what="lost_events"} 100' in console.collector.metric("archive{")
        console.ask("POST", "/archive/recalls", {**EVERYTHING, "hours": 1}, status=400)
        print("  what had to go is counted; what had come back went first")
    finally:
        end_all()
        subprocess.run(["umount", data], check=False)


TESTS = {test.__name__: test for test in (folder, expiry, faults, no_room, kills)}


def main():
    programs, *names = sys.argv[1:]
    for name in names or TESTS:
        place = tempfile.mkdtemp(prefix="matluoi-archive-")
        began = time.monotonic()
        print(f"{name}: {TESTS[name].__doc__.strip()}")
        try:
            TESTS[name](programs, place)
        finally:
            end_all()
            shutil.rmtree(place, ignore_errors=True)
        print(f"  passed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
