import { describe, expect, test } from "vitest";
import { shortAddress } from "./text";
import { endpoint, protocolParts, summary } from "./eve";
import { bytes, compact, number } from "./format";
import { decodeBase64, hexDump, printable, runs } from "./hex";
import { at, flatten, textAt } from "./json";
import { csv } from "./save";
import { figures, sensorState, type Sensor } from "./sensor";
import { dateTime, fromInput, moment, shortTime, toInput } from "./time";

describe("times", () => {
  const noon = "2026-11-25T12:00:05.123456+0000";
  test("are shown in the zone that is set", () => {
    expect(dateTime(noon, "Asia/Ho_Chi_Minh")).toBe("25/11/2026 19:00:05");
    expect(dateTime(noon, "UTC")).toBe("25/11/2026 12:00:05");
    expect(dateTime("nothing", "UTC")).toBe("");
    expect(shortTime(noon, new Date("2026-11-25T18:00:00Z"), "UTC")).toBe("12:00");
    expect(shortTime(noon, new Date("2026-11-25T18:00:00Z"), "Asia/Ho_Chi_Minh")).toBe("25/11 19:00");
  });
  test.each([
    ["now", 1_000_000],
    ["now-1h", 1_000_000 - 3_600_000],
    ["1970-01-01T00:00:01Z", 1_000],
    ["now-1y", null],
    ["yesterday", null],
  ])("%s", (text, expected) => expect(moment(text, 1_000_000)).toBe(expected));
  test("survive the input", () => {
    const time = Date.parse("2026-11-25T12:00:05Z");
    for (const zone of ["UTC", "Asia/Ho_Chi_Minh"] as const) expect(fromInput(toInput(time, zone), zone)).toBe(time);
    expect(fromInput("", "UTC")).toBeNull();
  });
});

test("numbers are written as the language has them", () => {
  expect(number(12_345, "vi")).toBe("12.345");
  expect(number(12_345, "en")).toBe("12,345");
  expect(compact(4_200_000, "en")).toBe("4.2M");
  expect(bytes(1_490_477, "vi")).toBe("1,5 MB");
  expect(bytes(727, "en")).toBe("727 B");
});

describe("records", () => {
  const record = {
    event_type: "dns",
    src_ip: "fd10::50",
    src_port: 5353,
    dest_ip: "10.0.0.1",
    dns: { queries: [{ rrname: "example.vn", rrtype: "A" }], rcode: "NXDOMAIN" },
    flow: { bytes_toserver: 1 },
  };
  test("are looked into by path", () => {
    expect(textAt(record, "dns.queries.rrname")).toBe("example.vn");
    expect(at(record, "dns.none.x")).toBeUndefined();
    expect(flatten(record).map(({ path }) => path)).toContain("dns.queries.rrtype");
  });
  test("are told in a line", () => {
    expect(summary(record)).toBe("example.vn A NXDOMAIN");
    const flow = { event_type: "flow", flow: { state: "closed", pkts_toserver: 2, pkts_toclient: 1, bytes_toserver: 10 } };
    expect(summary(flow)).toBe("closed 3 pkts 10 B");
    expect(summary({ ...flow, matluoi: { server_names: ["a.example", "b.example"] } })).toBe("→ a.example, b.example closed 3 pkts 10 B");
    expect(summary({ event_type: "ftp", ether: { src_mac: "x" }, ftp: { command: "USER", completion_code: ["331"] } })).toBe("command=USER");
    expect(endpoint(record, "source")).toBe("[fd10::50]:5353");
    expect(endpoint(record, "destination")).toBe("10.0.0.1");
    expect(protocolParts(record).map(([name]) => name)).toEqual(["dns"]);
  });
});

test("marks cut a stretch into runs, overlapping ones into one after another", () => {
  const marks = [{ from: 4, to: 6 }, { from: 0, to: 2 }, { from: 5, to: 9 }, { from: 7, to: 8 }];
  const cut = runs(1, 8, marks).map(({ start, end, marked }) => `${start}-${end}${marked ? "!" : ""}`);
  expect(cut).toEqual(["1-2!", "2-4", "4-6!", "6-8!"]);
  expect(runs(0, 3, [])).toEqual([{ start: 0, end: 3, marked: false }]);
  expect(runs(3, 3, marks)).toEqual([]);
});

test("bytes are shown as hex and as text", () => {
  const content = decodeBase64("R0VUIC8NCgA=");
  expect(hexDump(content)).toBe(`000000  47 45 54 20 2f 0d 0a 00  ${" ".repeat(23)}  GET /...`);
  expect(printable(content)).toBe("GET /\n.");
  expect(decodeBase64("*")).toHaveLength(0);
});

test.each([
  ["fd10:0000:0000:0000:0000:0000:0000:0050", "fd10::50"],
  ["fe80:0000:0000:0000:3854:12ff:fe0a:2947", "fe80::3854:12ff:fe0a:2947"],
  ["2001:0db8:0000:0001:0000:0000:0000:0001", "2001:db8:0:1::1"],
  ["2001:0db8:0000:0001:0001:0001:0001:0001", "2001:db8:0:1:1:1:1:1"],
  ["0000:0000:0000:0000:0000:0000:0000:0000", "::"],
  ["FF02:0000:0000:0000:0000:0000:0000:00FB", "ff02::fb"],
  ["192.168.10.10", "192.168.10.10"],
  ["fe80::1", "fe80::1"],
])("%s is shown as %s", (address, shown) => {
  expect(shortAddress(address)).toBe(shown);
});

test("a spreadsheet gets no formulas out of captured data", () => {
  expect(csv(["a", "b"], [["=1+1", 'x "y", z'], [-5, null]])).toBe('\uFEFFa,b\r\n\'=1+1,"x ""y"", z"\r\n-5,\r\n');
});

describe("sensors", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  const well: Sensor = {
    id: "1", name: "a", unit_id: 1, unit_name: "u", hostname: "h", enrolled: "2026-11-01T00:00:00Z", connected: true,
    last_heartbeat: "2026-11-25T11:59:50Z", clock_skew_ms: 3, kind: "sensor", canary: { state: "off" },
    stats: { packets: 1_000, kernel_drops: 0, rules_failed: 0 },
  };
  test.each<[string, Partial<Sensor>, string]>([
    ["well", {}, "ok"],
    ["without a heartbeat", { last_heartbeat: null }, "never"],
    ["gone", { connected: false }, "offline"],
    ["quiet", { last_heartbeat: "2026-11-25T11:50:00Z" }, "silent"],
    ["with a wrong clock", { clock_skew_ms: -60_000 }, "clock"],
    ["dropping", { stats: { packets: 900, kernel_drops: 100 } }, "drops"],
    ["with broken rules", { stats: { rules_failed: 2 } }, "rules"],
  ])("%s", (_, change, expected) => expect(sensorState({ ...well, ...change }, now)).toBe(expected));
  test("drops are a share of all packets", () => expect(figures({ ...well, stats: { packets: 900, kernel_drops: 100 } }).droppedShare).toBe(0.1));
});
