import { expect, test } from "vitest";
import { pieces } from "./rule-text";

test("a rule's text is cut at its options, whatever stands in quotes", () => {
  const text = String.raw`alert tcp any any -> any 80 (msg:"a\; (b)"; content:"x|3b|;y"; nocase; pcre:"/a\"b;/"; sid:1;)`;
  const lines = pieces(text).map((line) => line.map((piece) => piece.text).join("").trim());
  expect(lines).toEqual(["alert tcp any any -> any 80 (", String.raw`msg:"a\; (b)";`, 'content:"x|3b|;y";', "nocase;", String.raw`pcre:"/a\"b;/";`, "sid:1;", ")"]);
  expect(pieces(text)[1]?.[2]?.kind).toBe("string");
});
