import { expect, test } from "vitest";
import { readWhen, writeWhen, type WhenKind } from "./when";

test.each<[WhenKind, string, string]>([
  ["moment", "28/11/2026 17:30:05", "2026-11-28T17:30:05"],
  ["moment", " 1/2/2026  7:05 ", "2026-02-01T07:05:00"],
  ["moment", "01.02.2026", "2026-02-01T00:00:00"],
  ["moment", "11/28/2026 17:30:05", ""],
  ["moment", "31/02/2026", ""],
  ["moment", "29/02/2028", "2028-02-29T00:00:00"],
  ["moment", "28/11/2026 24:00", ""],
  ["moment", "28/11/2026 17:30:61", ""],
  ["moment", "28/11/2026 soon", ""],
  ["moment", "", ""],
  ["day", "28/11/2026", "2026-11-28"],
  ["day", "28/11/2026 17:30", ""],
  ["day", "28/11/26", ""],
  ["clock", "7:30", "07:30"],
  ["clock", "25:00", ""],
])("%s %j is %j", (kind, text, value) => {
  expect(readWhen(kind, text)).toBe(value);
});

test("what is written is read again", () => {
  for (const value of ["2026-11-28T17:30:05", "2026-11-28T00:00:00"]) expect(readWhen("moment", writeWhen("moment", value))).toBe(value);
  expect(writeWhen("day", "2026-11-28")).toBe("28/11/2026");
  expect(writeWhen("moment", "2026-11-28T17:30")).toBe("28/11/2026 17:30");
});
