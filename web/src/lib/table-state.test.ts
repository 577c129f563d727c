import { expect, test } from "vitest";
import { tableStates } from "./table-state";

test.each([
  [{ people: { order: "-2", words: "an" }, x: { order: "9" } }, { people: { order: "-2", words: "an" }, x: { order: "9" } }],
  [{ people: { order: "name", words: "" }, x: 7, y: { words: 7 } }, undefined],
  ["people", undefined],
  [undefined, undefined],
])("of %j the address holds what is valid", (raw, expected) => expect(tableStates(raw)).toEqual(expected));

test("what is written into an address is bounded", () => {
  const told = tableStates(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`t${index}`, { words: "w".repeat(1_000) }])));
  expect(Object.keys(told ?? {})).toHaveLength(12);
  expect(told?.t0?.words).toHaveLength(200);
});
