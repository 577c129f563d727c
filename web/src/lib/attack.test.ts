import { expect, test } from "vitest";
import { rolledUp, TACTICS, techniqueName, TECHNIQUES } from "./attack";

test("every technique has a tactic, and is there once", () => {
  expect(TECHNIQUES.filter((one) => !TACTICS.some((tactic) => tactic.id === one.tactic))).toEqual([]);
  expect(new Set(TECHNIQUES.map((one) => one.id)).size).toBe(TECHNIQUES.length);
});

test("sub-techniques count under their parents", () => {
  const rolled = rolledUp([["T1110.001", 2], ["T1110", 3], ["T1046", 1]]);
  expect(rolled.get("T1110")).toEqual({ count: 5, parts: [["T1110.001", 2]] });
  expect(techniqueName("T1110.001", "vi")).toBe("Dò mật khẩu");
  expect(techniqueName("T9999", "en")).toBeUndefined();
});
