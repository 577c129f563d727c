"""A thin link: rules in parts, a budget, and rules that come as a file where there is no link."""

import glob
import json
import os
import random
import sqlite3
import subprocess
import time

from apart import Apart, Console, run_config
from bench import Collector, Forwarder, alert, balances, ndjson, record, spawn, wait_until


def rule(sid):
    return f'alert http any any -> any any (msg:"{sid}"; http.method; content:"GET"; sid:{sid}; rev:1;)\n'


def noise(kilobytes):
    """Rule text that packs to about so much."""
    random.seed(kilobytes)
    return "".join(f"# {random.randbytes(32).hex()}\n" for _ in range(kilobytes * 1_024 // 36))


def publish(data, number, text):
    """Has all sensors run a version of a set, as a source's run does; drafts of people are shorter than this."""
    now = int(time.time() * 1_000)
    with sqlite3.connect(data + "/state.sqlite", timeout=30) as state:
        state.execute("INSERT OR IGNORE INTO rule_sets (id, unit_id, name, draft, draft_at, draft_by, created, created_by) "
                      "VALUES (1, 1, 'large', '', ?1, 'test', ?1, 'test')", (now,))
        state.execute("INSERT INTO rule_versions (set_id, number, at, user, why, rules, hash, text) "
                      "VALUES (1, ?, ?, 'test', 'test', 1, ?, ?)", (number, now, str(number), text))
        state.execute("INSERT OR REPLACE INTO rule_targets (set_id, sensor_no, number, at, user) "
                      "VALUES (1, 0, ?, ?, 'test')", (number, now))


def rules_in_parts(programs, folder):
    """Rules of 2 MB packed over 256 kbit/s with two cuts; 300 kB over 64 kbit/s beside alerts and heartbeats."""
    with Apart(programs, folder) as site:
        rules = folder + "/own.rules"
        with open(rules, "w") as file:
            file.write(rule(1))
        config = run_config(folder + "/sensor.toml", site.state, rules, "[canary]\nseconds = 2\n")
        sensor = site.sensor("run", "--config", config)
        wait_until("a heartbeat", lambda: site.of_sensor("published_hash")[0] == "")

        def fetched():
            return sum(os.path.getsize(path) for path in glob.glob(site.state + "/published-*.part"))

        site.wire.settings(kbit_s=256, delay=0.05)
        publish(site.collector.data, 1, rule(2) + noise(2_000))
        down = site.wire.bytes[0]
        wait_until("the first parts", lambda: fetched() > 200_000)
        # Nothing comes through for a while, and neither side is told; then the sensor is killed.
        site.wire.settings(loss=1)
        time.sleep(5)
        site.wire.settings(kbit_s=256, delay=0.05)
        half = fetched()
        wait_until("more parts", lambda: fetched() > half + 200_000, 180)
        sensor.kill()
        sensor.wait()
        kept = fetched()
        sensor = site.sensor("run", "--config", config)
        wait_until("it runs", lambda: site.of_sensor("published_hash")[0], 300)
        total = fetched()
        down = site.wire.bytes[0] - down
        assert kept > 400_000 and total > 2_000_000, (kept, total)
        # All of it came, and none of it twice: what is more is headers, and acknowledgements of records.
        assert down < total * 1.25, (down, total)
        print(f"     {total} bytes packed, {down} on the wire")

        site.wire.settings(kbit_s=64, delay=0.3)
        first = site.of_sensor("published_hash")[0]
        beats, canaries = set(), {}
        publish(site.collector.data, 2, rule(3) + noise(300))
        begun = time.monotonic()
        while site.of_sensor("published_hash")[0] == first:
            assert time.monotonic() < begun + 300, "the rules do not come"
            beat, made, arrived = site.of_sensor("last_heartbeat", "canary_made", "canary_arrived")
            beats.add(beat)
            if arrived and made / 1_000 > time.time() - 300:
                canaries.setdefault(made, arrived)
            time.sleep(0.2)
        took = time.monotonic() - begun
        canaries = {made: arrived for made, arrived in canaries.items() if made / 1_000 > time.time() - took}
        late = max(arrived - made for made, arrived in canaries.items()) / 1_000
        beats = sorted(beats)
        gap = max(after - before for before, after in zip(beats, beats[1:])) / 1_000
        print(f"     {took:.0f} s at 64 kbit/s: {len(canaries)} canaries, {late:.1f} s late at most; heartbeats {gap:.1f} s "
              "apart at most")
        # The whole text takes the link 38 s and more: none of these waited for it.
        assert took > 30 and len(canaries) > 10 and late < 10 and gap < 20
        sensor.terminate()
        assert sensor.wait(60) == 0


def link_budget(programs, folder):
    """64 kbit/s on the wire, alerts before records; another rate from the centre; what is held back is counted."""
    with Apart(programs, folder) as site:
        site.wire.settings(delay=0.02)
        console = site.console()
        eve = folder + "/eve.json"

        def write(records):
            with open(eve, "ab") as file:
                file.write(ndjson(records))

        def told():
            return json.loads(site.of_sensor("stats")[0] or "{}").get("link", {})

        # Records that do not pack to nothing.
        made = 40_000
        write([{**record(n), "noise": random.randbytes(64).hex()} for n in range(made)])
        sensor = site.sensor("forward", "--state-dir", site.state, "--file", eve, "--canary-seconds", "0",
                             "--link-kilobits", "64")
        wait_until("it is told", lambda: told().get("kilobits") == 64)
        used = site.up_kilobits(40)
        print(f"     a budget of 64 kbit/s: {used:.1f} kbit/s on the wire, {told()['used_kilobits']} told")
        # How much of it is used is the machine's affair as well.
        assert 32 < used <= 64, used
        # Alerts go first, through whatever waits.
        write([alert(n) for n in range(200)])
        wait_until("the alerts", lambda: site.collector.ledger(site.id).get("alert", {}).get("stored") == 200, 30)
        ledger = site.collector.ledger(site.id)
        waiting = json.loads(site.of_sensor("spool")[0])
        assert ledger["record"]["stored"] < made, ledger
        assert told()["held_s"] > 20 and any(row["records"] > 1_000 for row in waiting["classes"]), (told(), waiting)

        console.ask("PUT", f"/sensors/{site.id}/link", {"kilobits": 256, "hours": []})
        wait_until("the centre's budget", lambda: told().get("ordered") is True and told()["kilobits"] == 256)
        shown = next(one for one in console.ask("GET", "/sensors") if one["id"] == site.id)
        assert shown["link"]["kilobits"] == 256 and shown["stats"]["link"]["kilobits"] == 256, shown
        used = site.up_kilobits(20)
        print(f"     256 kbit/s from the centre: {used:.1f} kbit/s on the wire")
        assert 64 < used <= 256, used
        # An hour of the day that is now has its own rate; then the sensor's own holds again.
        now = time.localtime()
        hours = [{"from": f"{now.tm_hour:02}:00", "to": f"{(now.tm_hour + 2) % 24:02}:00", "kilobits": 32}]
        console.ask("PUT", f"/sensors/{site.id}/link", {"kilobits": 256, "hours": hours})
        wait_until("the rate of the hour", lambda: told().get("kilobits") == 32)
        used = site.up_kilobits(30)
        print(f"     32 kbit/s in this hour: {used:.1f} kbit/s on the wire")
        assert 16 < used <= 32, used
        console.ask("DELETE", f"/sensors/{site.id}/link")
        wait_until("its own", lambda: told().get("kilobits") == 64 and told()["ordered"] is False)
        console.ask("PUT", f"/sensors/{site.id}/link", {"kilobits": 0, "hours": []})
        balances(site.collector, site.id, {"record": made, "alert": 200})
        actions = [action for action, in site.collector.sql("SELECT action FROM audit")]
        assert actions.count("sensor.link") == 4, actions
        sensor.terminate()
        assert sensor.wait(60) == 0


def rules_by_file(programs, folder):
    """Rules that are fetched from the console as a file and installed at a site: ours, no others, no older ones."""
    collector = Collector(programs, folder + "/collector").start()
    console = Console(collector)
    site = Forwarder(programs, folder + "/sensor", collector)
    rules = folder + "/own.rules"
    with open(rules, "w") as file:
        file.write(rule(1))
    config = run_config(folder + "/sensor.toml", site.folder, rules)
    created = console.ask("POST", "/rule-sets", {"unit_id": 1, "name": "của trung tâm", "text": rule(2)})["id"]

    def keep(number, text):
        if number > 1:
            revision = console.ask("GET", f"/rule-sets/{created}")["set"]["revision"]
            console.ask("PUT", f"/rule-sets/{created}/draft", {"revision": revision, "text": text})
        revision = console.ask("GET", f"/rule-sets/{created}")["set"]["revision"]
        console.ask("POST", f"/rule-sets/{created}/versions", {"revision": revision, "why": "thử"})

    def order(number, sensor=None):
        console.ask("POST", f"/rule-sets/{created}/publications", {"sensor_id": sensor, "number": number, "why": "thử"})

    def fetch(name):
        path = f"{folder}/{name}.rules-bundle"
        with open(path, "wb") as file:
            file.write(console.curl(f"/sensors/{site.id}/rules-bundle"))
        return path

    def install(path, *more):
        return subprocess.run([site.program, "rules", "install", path, "--config", config, *more], capture_output=True,
                              text=True)

    def state():
        targets = console.ask("GET", f"/rule-sets/{created}/publications")["sensors"]
        return next(one for one in targets if one["sensor_id"] == site.id)

    keep(1, rule(2))
    order(1, site.id)
    first = fetch("first")
    keep(2, rule(2) + rule(3))
    order(2, site.id)
    second = fetch("second")
    # Without a running sensor: it is there at the next start.
    done = install(first)
    assert done.returncode == 0 and "2 rules load" in done.stdout and "no sensor runs" in done.stdout, done
    done = install(second)
    assert done.returncode == 0 and "3 rules load" in done.stdout, done
    done = install(first)
    assert done.returncode != 0 and "--older" in done.stderr, done
    done = install(first, "--older")
    assert done.returncode == 0, done
    # Another collector's, and a damaged one.
    other = Collector(programs, folder + "/other").start()
    stranger = Console(other)
    guest = Forwarder(programs, folder + "/guest", other)
    foreign = folder + "/foreign.rules-bundle"
    with open(foreign, "wb") as file:
        file.write(stranger.curl(f"/sensors/{guest.id}/rules-bundle"))
    done = install(foreign)
    assert done.returncode != 0 and "not signed by the collector" in done.stderr, done
    with open(second, "rb") as file:
        whole = bytearray(file.read())
    whole[-20] ^= 1
    damaged = folder + "/damaged.rules-bundle"
    with open(damaged, "wb") as file:
        file.write(whole)
    done = install(damaged)
    assert done.returncode != 0, done
    # A sensor that runs is told, and tells the centre; there is no link of its own to it meanwhile.
    collector.kill()
    sensor = spawn([site.program, "run", "--config", config])
    wait_until("the sensor", lambda: os.path.exists(site.folder + "/status.sock"))
    done = install(second)
    assert done.returncode == 0 and "loads them now" in done.stdout, done
    collector.start()
    wait_until("it tells what it runs", lambda: state()["state"] == "current" and state()["number"] == 2)
    assert not glob.glob(site.folder + "/published-*.part"), "nothing was fetched over the link"
    assert state()["rules_loaded"] == 3, state()
    # And over the link: to all, then back.
    keep(3, rule(2) + rule(3) + rule(4))
    order(3)
    wait_until("the third", lambda: state()["state"] == "current" and state()["rules_loaded"] == 4)
    order(1)
    wait_until("back to the first", lambda: state()["state"] == "current" and state()["rules_loaded"] == 2)
    order(None)
    wait_until("none", lambda: state()["state"] == "current" and state()["rules_loaded"] == 1)
    actions = [action for action, in collector.sql("SELECT action FROM audit")]
    assert actions.count("sensor.rules_bundle") == 2, actions
    sensor.terminate()
    assert sensor.wait(60) == 0
    collector.stop()
    other.stop()


TESTS = [rules_in_parts, rules_by_file, link_budget]
