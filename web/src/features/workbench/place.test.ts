import { expect, test } from "vitest";
import { placeOf, placeOfRule, ruleAt } from "./place";

const text = 'alert tcp any any -> any any (msg:"tên"; \\\n  flow:sideways; sid:1;)\n# x\nalert ip any any -> any any (sid:2;)';
const lines = text.split("\n");

test("bytes of a rule are found in the text, over continued lines and accents", () => {
  const word = (at: number, length: number) => text.slice(at, at + length);
  expect(word(placeOf(lines, 1, 1), 5)).toBe("alert");
  expect(word(placeOf(lines, 1, 31), 3)).toBe("msg");
  // "ê" is two bytes.
  expect(word(placeOf(lines, 1, 40), 2)).toBe('";');
  expect(word(placeOf(lines, 1, 45), 4)).toBe("flow");
  expect(word(placeOf(lines, 4, 1), 8)).toBe("alert ip");
  expect(placeOf(lines, 4, 900)).toBe(text.length);
});

test("the rule around the caret is joined", () => {
  const at = text.indexOf("sideways");
  const found = ruleAt(text, at);
  expect(found.rule).toBe('alert tcp any any -> any any (msg:"tên"; ' + "  flow:sideways; sid:1;)");
  expect(new TextDecoder().decode(new TextEncoder().encode(found.rule).slice(0, found.offset)).endsWith("flow:")).toBe(true);
  expect(text.slice(found.from, found.to)).toBe(lines.slice(0, 2).join("\n"));
  expect(ruleAt(text, 0)).toMatchObject({ offset: 0, from: 0 });
  expect(ruleAt(text, text.length).rule).toBe(lines[3]);
  expect(ruleAt("", 0)).toEqual({ rule: "", offset: 0, from: 0, to: 0 });
});

test("a rule is found by its whole id", () => {
  expect(placeOfRule(text, 1)).toBe(0);
  expect(placeOfRule(text, 2)).toBe(text.lastIndexOf("alert"));
  expect(placeOfRule(text, 3)).toBeUndefined();
  expect(placeOfRule("alert (sid:12;)", 2)).toBeUndefined();
});
