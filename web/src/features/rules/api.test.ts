import { expect, test } from "vitest";
import { chosen, counted, precision, type Rule } from "./api";

const rule = (sid: number, more: Partial<Rule> = {}): Rule => ({
  sid, gid: 1, signature: `rule ${sid}`, title: { vi: "Quét cổng", en: "Port scan" }, category: "x", alerts: 0, groups: 0, closed: 0, true_positive: 0, hide_rules: 0, hidden: 0, known: true, ...more,
});

test("rules are found without accents, and sorted", () => {
  const rules = [rule(3, { alerts: 9, closed: 4, true_positive: 1 }), rule(1, { closed: 2, true_positive: 2 }), rule(2, { title: null })];
  const sids = (search: Parameters<typeof chosen>[1]) => chosen(rules, search).map((one) => one.sid);
  expect(sids({})).toEqual([3, 1, 2]);
  expect(sids({ turned: true })).toEqual([2, 1, 3]);
  expect(sids({ q: "quet CONG" })).toEqual([3, 1]);
  expect(sids({ sort: "sid" })).toEqual([1, 2, 3]);
  expect(sids({ sort: "precision" })).toEqual([3, 1, 2]);
  expect(sids({ sort: "sid", turned: true })).toEqual([3, 2, 1]);
  expect(sids({ sort: "rule" })).toEqual([3, 1, 2]);
  expect(sids({ show: "wrong" })).toEqual([3]);
  expect(sids({ show: "quiet", q: "rule 2" })).toEqual([2]);
  expect(precision(rule(1))).toBeUndefined();
});

test("rules are sorted by how often they hit lately", () => {
  const rules = counted([rule(1), rule(2), rule(3)], [{ sid: 2, day: 0, week: 7, month: 9 }, { sid: 3, day: 1, week: 1, month: 1 }]);
  const sids = (sort: "day" | "week", turned?: true) => chosen(rules, { sort, turned }).map((one) => one.sid);
  expect(sids("day")).toEqual([3, 1, 2]);
  expect(sids("week")).toEqual([2, 3, 1]);
  expect(sids("week", true)).toEqual([1, 3, 2]);
  expect(rules[0]?.month).toBe(0);
  expect(counted([rule(1)], undefined)[0]?.month, "not known is not nought").toBeUndefined();
});
