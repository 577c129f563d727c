import { describe, expect, it } from "vitest";
import type { EveRecord } from "@/lib/eve";
import { isFromSensor, merged } from "./merge";

const record = (second: number, from: "here" | "sensor"): EveRecord => ({
  timestamp: `2026-11-27T10:00:0${second}.000000+0000`,
  matluoi: from === "sensor" ? { kept_at: "sensor" } : {},
});
const own = [record(8, "here"), record(5, "here"), record(2, "here")];
const remote = [record(9, "sensor"), record(5, "sensor"), record(1, "sensor")];
const told = (all: EveRecord[]) => all.map((one) => `${String(one.timestamp).slice(18, 19)}${isFromSensor(one) ? "s" : ""}`);

describe("records of sensors among the collector's own", () => {
  it("stand where their time puts them", () => {
    expect(told(merged(own, remote, { more: false, oldest: false }))).toEqual(["9s", "8", "5", "5s", "2", "1s"]);
    expect(told(merged([...own].reverse(), remote, { more: false, oldest: true }))).toEqual(["1s", "2", "5", "5s", "8", "9s"]);
  });

  it("wait while the collector has more before them", () => {
    expect(told(merged(own, remote, { more: true, oldest: false }))).toEqual(["9s", "8", "5", "5s", "2"]);
    expect(told(merged([], remote, { more: true, oldest: false }))).toEqual([]);
  });

  it("are the whole list where the collector has none", () => {
    expect(told(merged([], remote, { more: false, oldest: false }))).toEqual(["9s", "5s", "1s"]);
    expect(merged(own, [], { more: true, oldest: false })).toBe(own);
  });
});
