import { expect, test } from "vitest";
import { rowsOf } from "./units";

const unit = (id: number, parent_id: number | null, name: string) => ({ id, parent_id, name, kind: "" });

test("units stand behind the ones above them, and tell which those are", () => {
  const rows = rowsOf([unit(1, null, "Tỉnh"), unit(2, 1, "Sở"), unit(3, 1, "Xã"), unit(4, 2, "Phòng")]);
  expect(rows.map(({ unit: { name }, depth, above }) => [name, depth, above])).toEqual([
    ["Tỉnh", 0, ""],
    ["Sở", 1, "Tỉnh"],
    ["Phòng", 2, "Tỉnh › Sở"],
    ["Xã", 1, "Tỉnh"],
  ]);
});

test("a unit whose superior is not seen stands at the top", () => {
  expect(rowsOf([unit(7, 3, "Xã"), unit(8, 7, "Thôn")]).map(({ depth }) => depth)).toEqual([0, 1]);
});
