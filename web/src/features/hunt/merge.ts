/** Records of the collector and those that stayed on sensors, in one list. */
import { EVE, type EveRecord } from "@/lib/eve";
import { textAt } from "@/lib/json";
import { instant } from "@/lib/time";

const KEPT_AT = "matluoi.kept_at";

/** Whether a record came from a sensor's own store. */
export function isFromSensor(record: EveRecord): boolean {
  return textAt(record, KEPT_AT) === "sensor";
}

function timeOf(record: EveRecord): number {
  const time = textAt(record, EVE.time);
  return time === undefined ? 0 : instant(time).getTime();
}

/**
 * Both lists are sorted by time. While the collector has more, what lies behind its last record waits: it has its place
 * among what is still to come.
 */
export function merged(own: EveRecord[], remote: EveRecord[], { more, oldest }: { more: boolean; oldest: boolean }): EveRecord[] {
  if (remote.length === 0) return own;
  const sign = oldest ? 1 : -1;
  const before = (left: EveRecord, right: EveRecord) => sign * (timeOf(left) - timeOf(right));
  const last = own.at(-1);
  const waiting = [...remote].sort(before).filter((record) => !more || (last !== undefined && before(record, last) <= 0));
  const all: EveRecord[] = [];
  let next = 0;
  for (const record of own) {
    for (let other = waiting[next]; other && before(other, record) < 0; other = waiting[next]) {
      all.push(other);
      next += 1;
    }
    all.push(record);
  }
  return [...all, ...waiting.slice(next)];
}
