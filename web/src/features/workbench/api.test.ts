import { expect, test } from "vitest";
import { added, type Tried } from "./api";

const rule = (alerts: number, looks: number, attempts: number) => ({ sid: 1, msg: "m", alerts, looks, matches: alerts, attempts: Array.from({ length: attempts }, () => ({})) }) as unknown as Tried;

test("what a rule did on several captures is added up, and near misses stay few", () => {
  const sum = [rule(1, 5, 15), rule(2, 7, 15)].reduce<Tried | undefined>(added, undefined);
  expect(sum).toMatchObject({ alerts: 3, looks: 12, matches: 3 });
  expect(sum?.attempts).toHaveLength(20);
});
