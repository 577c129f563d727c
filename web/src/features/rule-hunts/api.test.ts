import { expect, test } from "vitest";
import { byDay } from "./api";
import { ruleHuntsSearch } from "./route";

test("every day of the range has a row", () => {
  expect(byDay({ "2026-11-24": 3 }, "2026-11-23T10:00:00Z", "2026-11-25T01:00:00Z")).toEqual([
    { day: "2026-11-23", hits: 0 },
    { day: "2026-11-24", hits: 3 },
    { day: "2026-11-25", hits: 0 },
  ]);
});

test("the address holds what is valid", () => {
  expect(ruleHuntsSearch({ hunt: "abc", from: "now-7d", to: "someday" })).toEqual({ hunt: "abc", from: "now-7d" });
});
