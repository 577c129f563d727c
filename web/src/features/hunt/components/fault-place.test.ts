import { expect, test } from "vitest";
import { faultPlace } from "./fault-place";

test.each([
  ["a AND dest_port:abc b", 6, "dest_port:abc"],
  ["𝒳𝒳 ệ:x", 3, "ệ:x"],
  ["a (type:", 8, "(type:"],
  ["a AND ", 6, "AND "],
  ["a", 99, "a"],
  ["", 0, ""],
])("in %s at %i", (query, position, marked) => {
  const { from, to } = faultPlace(query, position);
  expect(query.slice(from, to)).toBe(marked);
});
