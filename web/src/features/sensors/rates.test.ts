import { expect, test } from "vitest";
import { rates } from "./rates";

test("counters become rates, also across a restart", () => {
  const beat = (at: number, packets: number, bytes?: number) => ({ at, packets, bytes, dropped: 0, memory: 5 });
  expect(rates([beat(0, 100, 1_000), beat(10_000, 200, 2_000), beat(20_000, 50)])).toEqual([
    { at: 10_000, packets: 10, bits: 800, dropped: 0, memory: 5 },
    { at: 20_000, packets: 5, bits: undefined, dropped: 0, memory: 5 },
  ]);
  expect(rates([])).toEqual([]);
});
