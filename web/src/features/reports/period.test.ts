import { expect, test } from "vitest";
import { reportsSearch } from "./route";
import { period } from "./period";

test("periods are whole days of Vietnam, and end now at the latest", () => {
  const now = Date.parse("2026-11-25T20:00:00Z"); // 3 o'clock on the 26th in Vietnam
  expect(period("daily", undefined, now)).toEqual({ from: "2026-11-25T17:00:00.000Z", to: "2026-11-25T20:00:00.000Z" });
  expect(period("daily", "2026-11-20", now)).toEqual({ from: "2026-11-19T17:00:00.000Z", to: "2026-11-20T17:00:00.000Z" });
  expect(period("weekly", "2026-11-20", now).from).toBe("2026-11-13T17:00:00.000Z");
  expect(period("monthly", "2026-11-20", now)).toEqual({ from: "2026-10-31T17:00:00.000Z", to: "2026-11-20T17:00:00.000Z" });
  expect(period("handover", undefined, now).from).toBe("2026-11-25T08:00:00.000Z");
});

test("the address holds what is valid", () => {
  expect(reportsSearch({ kind: "weekly", day: "2026-11-20", x: 1 })).toEqual({ kind: "weekly", day: "2026-11-20" });
  expect(reportsSearch({ kind: "yearly", day: "soon" })).toEqual({});
});
