import { describe, expect, test } from "vitest";
import { condition, conditions, opposite, pipes, withCondition, withoutCondition, withoutTable, withTable, withView } from "./query";

describe("conditions", () => {
  test.each([
    ["", []],
    ["a b", ["a", "b"]],
    ['x:"a b" AND -y:1', ['x:"a b"', "-y:1"]],
    ["NOT a:1 b:[1 TO 5]", ["NOT a:1", "b:[1 TO 5]"]],
    ["(a OR b) c", ["(a OR b)", "c"]],
    ["a OR b", null],
    ['"open', null],
    ["(a", null],
  ])("%s", (query, expected) => expect(conditions(query)).toEqual(expected));
});

test.each([
  ["dest_port", "443", "dest_port:443"],
  ["src_ip", "fd10::50", 'src_ip:"fd10::50"'],
  ["alert.signature", 'a "b" c', 'alert.signature:"a \\"b\\" c"'],
  ["http.url", "/a*", 'http.url:"/a*"'],
  ["x", "-5", 'x:"-5"'],
])("%s is %s", (field, value, expected) => expect(condition(field, value)).toBe(expected));

test("a condition takes the place of its opposite", () => {
  expect(withCondition("-a:1 b", "a", "1", "include")).toBe("b a:1");
  expect(withCondition("a:1 b", "a", "1", "exclude")).toBe("b -a:1");
  expect(withCondition("a:1", "a", "1", "include")).toBe("a:1");
  expect(withCondition("x OR y", "a", "1", "include")).toBe("(x OR y) a:1");
  expect(withCondition("", "a", "1", "exclude")).toBe("-a:1");
});

test("conditions are removed and turned", () => {
  expect(withoutCondition("a:1 b", "a:1")).toBe("b");
  expect(opposite("a:1")).toBe("-a:1");
  expect(opposite("-a:1")).toBe("a:1");
  expect(opposite("NOT a:1")).toBe("a:1");
});

test("commands stay behind the conditions", () => {
  const text = 'a "b|c" | groupby -pie x y | head 5 | table z';
  expect(pipes(text)).toEqual({ query: 'a "b|c"', commands: ["groupby -pie x y", "head 5", "table z"] });
  expect(withCondition(text, "d", "1", "include")).toBe('a "b|c" d:1 | groupby -pie x y | head 5 | table z');
  expect(withoutCondition(text, "a")).toBe('"b|c" | groupby -pie x y | head 5 | table z');
  expect(withTable("a", ["x", "y"])).toBe("a | groupby x y");
  expect(withTable("", ["x"])).toBe("| groupby x");
  expect(withoutTable(text, 0)).toBe('a "b|c" | table z');
  expect(withView(text, 0, "bar")).toBe('a "b|c" | groupby -bar x y | head 5 | table z');
  expect(withView(text, 0, "table")).toBe('a "b|c" | groupby x y | head 5 | table z');
  expect(withView(text, 3, "bar")).toBe(text);
});
