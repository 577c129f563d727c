import { expect, test } from "vitest";
import { alertSearch, inboxSearch } from "@/features/alerts/route";
import { aboutSearch } from "@/features/about/route";
import { casesSearch } from "@/features/cases/route";
import { askedOf, huntSearch, isUnfiltered } from "@/features/hunt/route";
import { fleetSearch } from "@/features/fleet/route";
import { feedSearch } from "@/features/feeds/route";
import { sensorsSearch } from "@/features/sensors/route";
import { settingsSearch } from "@/features/settings/route";
import { wallSearch } from "@/features/wallboard/route";
import { signInSearch } from "@/features/session/route";

test("addresses hold what is valid, and nothing else", () => {
  expect(inboxSearch({ tab: "closed", q: "x", severity: [1, 9, "2"], since: "5h", sort: "last", order: "asc", at: "7" })).toEqual({
    tab: "closed", q: "x", severity: [1, 2], sort: "last", order: "asc", at: 7,
  });
  // A frozen link has times that do not move, and they stand instead of one that does.
  expect(inboxSearch({ since: "24h", from: "2026-11-24T01:00:00Z", to: "now" })).toEqual({ from: "2026-11-24T01:00:00Z" });
  expect(alertSearch({ tab: "none", event: "e1" })).toEqual({ event: "e1" });
  expect(huntSearch({ q: 5, from: "now-1h", to: "soon", class: "alert", cols: ["a", 1] })).toEqual({ q: "5", from: "now-1h", class: "alert", cols: ["a"] });
  expect(aboutSearch({ from: "now-1h", to: "later" })).toEqual({ from: "now-1h" });
  expect(settingsSearch({ tab: "people" })).toEqual({ tab: "people" });
  expect(wallSearch({ every: 1 })).toEqual({});
  expect(feedSearch({ tab: "filters" })).toEqual({ tab: "filters" });
  expect(feedSearch({ tab: "other" })).toEqual({});
  expect(fleetSearch({ unit: "7", sensor: "s" })).toEqual({ sensor: "s" });
  expect(fleetSearch({ unit: 7 })).toEqual({ unit: 7 });
  expect(fleetSearch({ unit: -1 })).toEqual({});
  expect(casesSearch({ tab: "mine", x: 1 })).toEqual({ tab: "mine" });
  expect(sensorsSearch({ sort: "-drops" })).toEqual({ sort: "-drops" });
  expect(sensorsSearch({ sort: "--drops" })).toEqual({});
  expect(sensorsSearch({ hours: 9_999, sensor: "s", sort: "name" })).toEqual({ sensor: "s", sort: "name" });
});

test("test messages are left out where nothing is asked for", () => {
  expect(askedOf({})).toBe("-event_type:canary");
  expect(askedOf({ q: "* | groupby src_ip" })).toBe("-event_type:canary | groupby src_ip");
  expect(askedOf({ canary: true })).toBe("");
  for (const search of [{ q: "event_type:canary" }, { q: "dns" }, { class: "alert" as const }]) expect(isUnfiltered(search)).toBe(false);
  expect(askedOf({ q: "event_type:canary | head 5" })).toBe("event_type:canary | head 5");
});

test("signing in leads to places of this console alone", () => {
  expect(signInSearch({ next: "/alerts?tab=open" })).toEqual({ next: "/alerts?tab=open" });
  for (const next of ["//evil.example", "https://evil.example", "/\\evil.example", ""]) expect(signInSearch({ next })).toEqual({});
});

test("tables are made by the one that sorts, filters and is saved", () => {
  const texts: Record<string, string> = import.meta.glob("/src/**/*.tsx", { query: "?raw", import: "default", eager: true });
  const own = Object.entries(texts).filter(([file, text]) => !file.endsWith(".test.tsx") && text.includes("<table")).map(([file]) => file);
  // A picture of hours, the first rows of what the hunt shows whole, records of which only those seen are drawn, a printed sheet.
  expect(own.sort()).toEqual(["/src/features/about/components/panel.tsx", "/src/features/hunt/components/results.tsx", "/src/features/overview/components/heat.tsx", "/src/features/reports/page.tsx", "/src/ui/sorted-table.tsx"]);
});
