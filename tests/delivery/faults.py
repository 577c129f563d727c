"""What goes wrong between a sensor and the index, done to the real programs; every test ends by counting every record.

usage: faults.py FOLDER-OF-PROGRAMS [NAME...]      KILLS=200 for the long form of kill
"""

import glob
import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import thin
from apart import Apart
from bench import Collector, Forwarder, alert, balances, basic, end_all, ndjson, record, spawn, wait_until

KILLS = int(os.environ.get("KILLS", "6"))


def ingest_over_http(programs, folder):
    """NDJSON plain, gzip and zstd; numbers that make sending again safe; bad lines kept apart; a wrong token."""
    collector = Collector(programs, folder + "/collector").start()
    source, token = collector.admin("source", "--name", "máy khác").split()
    lines = [record(n) for n in range(10)] + [alert(n) for n in range(5)] + [record(1, "flow")]
    plain = ndjson(lines) + b"\nnonsense\n" + json.dumps({"event_type": "dns"}).encode() + b"\n"
    zstd = subprocess.run(["zstd", "-qc"], input=plain, capture_output=True, check=True).stdout
    for body, encoding in [(plain, "identity"), (gzip.compress(plain), "gzip"), (zstd, "zstd")]:
        status, answer = collector.post("/ingest", body, token, Content_Encoding=encoding)
        assert (status, answer["accepted"]) == (200, 16), answer
        assert [fault["line"] for fault in answer["rejected"]] == [17, 18], answer
    for _ in range(3):
        status, answer = collector.post("/ingest?epoch=7&seq=1", ndjson(lines), token)
        assert (status, answer["accepted_through_seq"]) == (200, 16), answer
    status, answer = collector.post("/ingest", ndjson(lines), "mls_wrong")
    assert (status, answer["code"]) == (401, "no_token"), answer
    status, answer = collector.post("/ingest", b"x", token, Content_Encoding="br")
    assert status == 400, answer
    ledger = collector.ledger(source)
    stored = {name: row["stored"] for name, row in ledger.items()}
    assert stored == {"alert": 20, "flow": 4, "record": 40}, ledger
    assert ledger["record"]["rejected"] == 6, ledger
    assert all(row["made"] == row["stored"] + row["rejected"] == row["acked"] for row in ledger.values()), ledger
    assert collector.indexed() == {"alerts": 20, "records": 44}, collector.indexed()
    assert collector.sql("SELECT sum(count) FROM groups") == [(20,)]
    reasons = {reason for reason, in collector.sql("SELECT reason FROM quarantine")}
    assert len(reasons) == 2 and "no timestamp" in reasons, reasons
    audit = [action for action, in collector.sql("SELECT action FROM audit")]
    assert "admin.source" in audit, audit
    collector.stop()


def ingest_as_elasticsearch(programs, folder):
    """What Filebeat, Vector and Fluent Bit ask before they send, and how each wraps a record."""
    collector = Collector(programs, folder + "/collector").start()
    source, token = collector.admin("source", "--name", "beats").split()
    import http.client

    def ask(method, path, body=None, authorization=basic(token)):
        connection = http.client.HTTPConnection(collector.api, timeout=30)
        connection.request(method, "/api/v1/elastic" + path, body,
                           {"Authorization": authorization, "Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or b"null")

    for path in ["/", "/_license", "/_cluster/health", "/_ilm/policy/filebeat", "/_index_template/filebeat-8"]:
        status, headers, _ = ask("GET", path)
        assert status == 200 and headers["X-Elastic-Product"] == "Elasticsearch", (path, status)
    assert ask("PUT", "/_index_template/x", b"{}")[2] == {"acknowledged": True}
    assert ask("GET", "/", authorization="Basic YTpi")[0] == 401
    eve = [json.dumps(record(n)) for n in range(6)]
    documents = [
        {"@timestamp": "2026-01-01T00:00:00Z", "agent": {"type": "filebeat"}, "message": eve[0]},
        {"@timestamp": "2026-01-01T00:00:00Z", "agent": {"type": "filebeat"}, "json": json.loads(eve[1])},
        {"message": eve[2], "source_type": "file", "timestamp": "2026-01-01T00:00:00Z"},
        {"@timestamp": "2026-01-01T00:00:00Z", "log": eve[3]},
        {"@timestamp": "2026-01-01T00:00:00Z", "event": {"original": eve[4]}},
        json.loads(eve[5]),
        {"message": "not eve"},
    ]
    body = b"".join(json.dumps({"create": {"_index": "filebeat-8", "_id": str(n)}}).encode() + b"\n"
                    + json.dumps(document).encode() + b"\n" for n, document in enumerate(documents))
    for path in ["/_bulk", "/logs/_bulk"]:
        status, _, answer = ask("POST", path, body)
        assert status == 200 and answer["errors"] is True, answer
        results = [item["create"]["status"] for item in answer["items"]]
        assert results == [201] * 6 + [400], answer
    status, _, answer = ask("POST", "/_bulk", b'{"create":{}}\n' + eve[0].encode() + b"\n")
    assert answer["errors"] is False, answer
    assert collector.ledger(source)["record"]["stored"] == 13, collector.ledger(source)
    collector.stop()


RSYSLOG = """
global(workDirectory="{folder}" maxMessageSize="256k")
module(load="imfile")
module(load="omelasticsearch")
input(type="imfile" File="{folder}/eve.json" Tag="suricata")
template(name="line" type="string" string="%msg%")
action(type="omelasticsearch" server="http://{api}/api/v1/elastic" template="line" bulkmode="on" searchIndex="eve" searchType=""
       usehttps="off" uid="any" pwd="{token}" errorfile="{folder}/refused" action.resumeRetryCount="-1" action.resumeInterval="1"
       queue.type="LinkedList" queue.dequeueBatchSize="50")
"""


def ingest_by_rsyslog(programs, folder):
    """A real rsyslogd sends a file to `_bulk`, through a restart of the collector; it is told which line is refused."""
    if not glob.glob("/usr/lib/*/rsyslog/omelasticsearch.so"):
        print("     left out: rsyslog-elasticsearch is not installed")
        return
    collector = Collector(programs, folder + "/collector").start()
    source, token = collector.admin("source", "--name", "rsyslog").split()
    with open(folder + "/rsyslog.conf", "w") as file:
        file.write(RSYSLOG.format(folder=folder, api=collector.api, token=token))

    def write(records):
        with open(folder + "/eve.json", "ab") as file:
            file.write(ndjson(records))
    write([record(n) for n in range(500)] + [alert(n) for n in range(50)])
    shipper = spawn(["rsyslogd", "-n", "-f", folder + "/rsyslog.conf", "-i", folder + "/rsyslog.pid"])
    wait_until("what was there", lambda: collector.indexed() == {"alerts": 50, "records": 500})
    collector.stop()
    # A batch that could not be sent, rsyslog sends line by line, each answered when it is durable.
    write([record(n) for n in range(700)] + [{"no": "record"}])
    time.sleep(3)
    collector.start()
    wait_until("what came meanwhile", lambda: collector.indexed() == {"alerts": 50, "records": 1_200})
    wait_until("a refused line", lambda: collector.ledger(source)["record"]["rejected"] == 1)
    wait_until("its reason", lambda: "no event_type" in open(folder + "/refused").read())
    [(line,)] = collector.sql("SELECT line FROM quarantine")
    assert json.loads(line) == {"no": "record"}, line
    shipper.terminate()
    assert shipper.wait(30) == 0
    collector.stop()


def kill(programs, folder):
    """kill -9 of forwarder, collector, or both, under load."""
    collector = Collector(programs, folder + "/collector").start()
    forwarder = Forwarder(programs, folder + "/sensor", collector).start()
    made = {"alert": 0, "record": 0, "flow": 0}
    for round_ in range(KILLS):
        for _ in range(random.randint(3, 8)):
            forwarder.write([alert(n) for n in range(20)] + [record(n) for n in range(100)]
                            + [record(n, "flow") for n in range(50)] + [{"bad": 1}])
            made = {"alert": made["alert"] + 20, "record": made["record"] + 101, "flow": made["flow"] + 50}
            time.sleep(random.uniform(0, 0.2))
        which = round_ % 3
        if which in (0, 2):
            collector.kill()
        if which in (1, 2):
            forwarder.kill()
            forwarder.start()
        if which in (0, 2):
            time.sleep(random.uniform(0, 1))
            collector.start()
    ledger = balances(collector, forwarder.id, made)
    assert ledger["record"]["rejected"] == made["alert"] // 20, ledger
    stored = {"alerts": made["alert"], "records": made["record"] + made["flow"] - made["alert"] // 20}
    wait_until("the index", lambda: collector.indexed() == stored)
    assert collector.sql("SELECT sum(count) FROM groups") == [(made["alert"],)]
    forwarder.stop()
    collector.stop()


def spool_full(programs, folder):
    """The link is cut until the spool is full; alerts stay, the rest is shed by class, and the ledger knows all of it."""
    collector = Collector(programs, folder + "/collector").start()
    forwarder = Forwarder(programs, folder + "/sensor", collector)
    collector.kill()
    # Sockets cannot wait as files do: what does not fit is shed.
    import socket
    path = os.path.join(forwarder.folder, "in.sock")
    forwarder.process = spawn([forwarder.program, "forward", "--state-dir", forwarder.folder, "--stream", path,
                               "--spool-megabytes", "1", "--canary-seconds", "0"], log="off")
    wait_until("the socket", lambda: os.path.exists(path))
    made = {"alert": 0, "record": 0, "flow": 0}
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(path)
        for n in range(150):
            noise = random.randbytes(200).hex()
            lines = [{**record(n, "flow"), "noise": random.randbytes(200).hex()} for _ in range(20)]
            lines += [{**record(n), "noise": random.randbytes(200).hex()} for _ in range(20)]
            lines += [{**alert(n), "noise": noise}]
            stream.sendall(ndjson(lines))
            made = {"alert": made["alert"] + 1, "record": made["record"] + 20, "flow": made["flow"] + 20}
    time.sleep(1)
    collector.start()
    ledger = balances(collector, forwarder.id, made, shed_allowed=True)
    assert ledger["alert"]["shed"] == 0, ledger
    assert ledger["flow"]["shed"] > 0, ledger
    forwarder.stop()
    collector.stop()


def fill(path):
    """Fills the disk that this file is on."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 14))
        except OSError:
            pass


def disk_full(programs, folder):
    """The collector's disk runs full, and is freed; alerts are taken as long as there is anything lesser to drop."""
    disk = folder + "/disk"
    os.makedirs(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], check=True)
    try:
        collector = Collector(programs, disk + "/collector", "[disk]\nreserve_megabytes = 8\n").start()
        forwarder = Forwarder(programs, folder + "/sensor", collector).start()
        forwarder.write([record(n) for n in range(500)])
        balances(collector, forwarder.id, {"record": 500})
        filler = disk + "/filler"
        fill(filler)
        forwarder.write([alert(n) for n in range(300)] + [record(n) for n in range(2_000)])
        time.sleep(5)
        assert collector.process.poll() is None, "the collector lives"
        os.unlink(filler)
        balances(collector, forwarder.id, {"alert": 300, "record": 2_500})
        forwarder.stop()
        collector.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def sensor_disk_full(programs, folder):
    """The sensor's disk runs full, and is freed: a file waits, or what was shed is counted."""
    disk = folder + "/disk"
    os.makedirs(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True)
    try:
        collector = Collector(programs, folder + "/collector").start()
        forwarder = Forwarder(programs, disk + "/sensor", collector)
        forwarder.file = folder + "/eve.json"
        forwarder.write([record(n) for n in range(200)])
        forwarder.start()
        balances(collector, forwarder.id, {"record": 200})
        filler = disk + "/filler"
        fill(filler)
        forwarder.write([alert(n) for n in range(1_000)] + [record(n) for n in range(3_000)])
        time.sleep(3)
        os.unlink(filler)
        balances(collector, forwarder.id, {"alert": 1_000, "record": 3_200}, shed_allowed=True)
        forwarder.stop()
        collector.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def bad_link(programs, folder):
    """5 % loss, 600 ms delay, 64 kbit/s, and a cut, between two network namespaces."""
    with Apart(programs, folder) as site:
        eve = folder + "/eve.json"

        def write(records):
            with open(eve, "ab") as file:
                file.write(ndjson(records))

        site.wire.settings(loss=0.05, delay=0.3)
        write([record(n) for n in range(2_000)] + [alert(n) for n in range(200)])
        forward = site.sensor("forward", "--state-dir", site.state, "--file", eve, "--canary-seconds", "0")
        balances(site.collector, site.id, {"record": 2_000, "alert": 200})
        site.wire.settings(kbit_s=64, delay=0.05)
        write([record(n) for n in range(3_000)] + [alert(n) for n in range(100)])
        balances(site.collector, site.id, {"record": 5_000, "alert": 300})
        # A half-open connection: nothing comes through, and neither side is told.
        site.wire.settings(loss=1)
        write([record(n) for n in range(1_000)] + [alert(n) for n in range(100)])
        time.sleep(8)
        site.wire.settings(delay=0.001)
        balances(site.collector, site.id, {"record": 6_000, "alert": 400})
        for process in (forward, site.collector.process):
            process.terminate()
            assert process.wait(30) == 0


def clock_jumps(programs, folder):
    """The sensor's clock jumps by hours and years; the ledger still balances."""
    # Preloaded, for the program `faketime` stands between: a signal would end it alone.
    library, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    collector = Collector(programs, folder + "/collector").start()
    forwarder = Forwarder(programs, folder + "/sensor", collector)
    made = 0
    for jump in ["+0h", "+5h", "-3h", "+400d", "-20y"]:
        forwarder.write([record(n) for n in range(100)])
        made += 100
        forwarder.start(prefix=["env", f"LD_PRELOAD={library}", f"FAKETIME={jump}", "FAKETIME_DONT_FAKE_MONOTONIC=1"])
        wait_until("it is stored", lambda: collector.ledger(forwarder.id).get("record", {}).get("stored") == made)
        time.sleep(6)
        forwarder.stop()
    balances(collector, forwarder.id, {"record": made})
    collector.stop()


def corrupt_spool(programs, folder):
    """The spool's file is damaged: it is kept aside, a new one begins, the rest goes on."""
    collector = Collector(programs, folder + "/collector").start()
    forwarder = Forwarder(programs, folder + "/sensor", collector)
    forwarder.write([record(n) for n in range(100)])
    forwarder.start()
    balances(collector, forwarder.id, {"record": 100})
    forwarder.kill()
    spool = os.path.join(forwarder.folder, "spool.redb")
    with open(spool, "r+b") as file:
        size = os.path.getsize(spool)
        for _ in range(200):
            file.seek(random.randrange(size))
            file.write(random.randbytes(64))
    # The file is read again from its start, for its place went with the spool: a new epoch, told as such.
    forwarder.start()
    wait_until("it is stored", lambda: collector.ledger(forwarder.id)["record"]["stored"] >= 100, 60)
    forwarder.write([record(n) for n in range(50)])
    wait_until("the new records", lambda: collector.ledger(forwarder.id)["record"]["stored"] in (150, 250), 60)
    forwarder.stop()
    collector.stop()


def corrupt_index(programs, folder):
    """A file of one day's index is damaged: that day is set aside and told, everything else is found and taken."""
    collector = Collector(programs, folder + "/collector").start()
    source, token = collector.admin("source", "--name", "máy khác").split()
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() - back * 86_400)) for back in (1, 2, 3)]

    def send(day, count):
        lines = [{**record(n), "timestamp": f"{day}T10:00:00.000000+0000"} for n in range(count)]
        status, answer = collector.post("/ingest", ndjson(lines), token)
        assert (status, answer["accepted"]) == (200, count), answer
    for day in days:
        send(day, 100)
    collector.stop()
    victim = next(path for path in glob.glob(f"{collector.data}/index/{days[1]}/records/*.store"))
    with open(victim, "r+b") as file:
        file.truncate(os.path.getsize(victim) // 2)
    collector.start()
    wait_until("readiness", lambda: collector.get("/readyz")[0] == 200)
    assert collector.indexed()["records"] == 200, collector.indexed()
    for day in days:
        send(day, 10)
    assert collector.indexed()["records"] == 230, collector.indexed()
    assert os.listdir(collector.data + "/index/damaged") == [f"{days[1]}-records-1"]
    wait_until("an alarm", lambda: ("index_damaged",) in collector.sql("SELECT kind FROM alarms WHERE closed IS NULL"))
    collector.stop()


def two_with_one_identity(programs, folder):
    """A copied sensor: two spools with one certificate. Their epochs differ, so that neither is lost or doubled."""
    collector = Collector(programs, folder + "/collector").start()
    first = Forwarder(programs, folder + "/sensor", collector)
    copy = folder + "/copy"
    shutil.copytree(first.folder, copy)
    first.write([record(n) for n in range(300)])
    first.start()
    second = Forwarder.__new__(Forwarder)
    second.__dict__.update(first.__dict__)
    second.folder, second.file = copy, copy + "/eve.json"
    second.write([alert(n) for n in range(300)])
    second.start()
    wait_until("both", lambda: collector.indexed() == {"alerts": 300, "records": 300})
    first.stop()
    second.stop()
    collector.stop()


def backup(programs, folder):
    """A backup while records come in, an incremental one, and a restore that is compared with it."""
    collector = Collector(programs, folder + "/collector").start()
    forwarder = Forwarder(programs, folder + "/sensor", collector).start()
    copy = folder + "/copy"
    for round_ in range(2):
        for _ in range(20):
            forwarder.write([alert(n) for n in range(10)] + [record(n) for n in range(200)])
            time.sleep(0.05)
        print("     " + collector.admin("backup", copy))
    restored = Collector(programs, folder + "/restored")
    subprocess.run([restored.program, "admin", "--data", restored.data, "restore", copy], check=True,
                   stdout=subprocess.DEVNULL)
    verified = restored.admin("verify")
    assert "unbroken" in verified, verified
    restored.start()
    ledger = restored.ledger(forwarder.id)
    indexed = restored.indexed()
    assert indexed["alerts"] == ledger["alert"]["stored"] > 0, (indexed, ledger)
    assert indexed["records"] == ledger["record"]["stored"] > 0, (indexed, ledger)
    assert restored.sql("SELECT sum(count) FROM groups") == [(indexed["alerts"],)]
    balances(collector, forwarder.id, {"alert": 400, "record": 8_000})
    forwarder.stop()
    collector.stop()
    restored.stop()
    # The machine itself notes what is done on it.
    actions = [action for action, in collector.sql("SELECT action FROM audit")]
    assert actions.count("admin.backup") == 2, actions
    # Damage is found.
    victim = next(os.path.join(root, name) for root, _, names in os.walk(restored.data + "/index")
                  for name in names if name.endswith(".store"))
    with open(victim, "r+b") as file:
        file.seek(10)
        file.write(b"damage")
    done = subprocess.run([restored.program, "admin", "--data", restored.data, "verify"], capture_output=True, text=True)
    assert done.returncode != 0 and "damaged" in done.stdout, done


def canary(programs, folder):
    """A canary reaches the inbox; the newest is told by the sensor and by the state."""
    collector = Collector(programs, folder + "/collector").start()
    forwarder = Forwarder(programs, folder + "/sensor", collector)
    forwarder.write([])
    forwarder.start("--canary-seconds", "1")

    def arrived():
        (made, spool), = collector.sql("SELECT canary_made, spool FROM sensors WHERE id = ?", forwarder.id)
        return made and spool and json.loads(spool)["canary"]["spooled_seq"] >= 2
    wait_until("a canary", arrived)
    forwarder.stop()
    collector.stop()


TESTS = [ingest_over_http, ingest_as_elasticsearch, ingest_by_rsyslog, canary, kill, spool_full, disk_full, sensor_disk_full, bad_link,
         clock_jumps, corrupt_spool, corrupt_index, two_with_one_identity, backup, *thin.TESTS]


def main():
    programs, names = sys.argv[1], sys.argv[2:]
    failed = []
    for test in TESTS:
        if names and test.__name__ not in names:
            continue
        print(f"  {test.__name__}: {test.__doc__.splitlines()[0]}", flush=True)
        start = time.monotonic()
        folder = tempfile.mkdtemp(prefix="matluoi-delivery-")
        try:
            test(programs, folder)
            print(f"     ok ({time.monotonic() - start:.1f} s)", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            failed.append(test.__name__)
            print(f"     FAILED: {type(error).__name__}: {error}", flush=True)
        finally:
            end_all()
            shutil.rmtree(folder, ignore_errors=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
