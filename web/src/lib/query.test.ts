import { describe, expect, test } from "vitest";
import { condition, conditions, opposite, withCondition, withoutCondition } from "./query";

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
