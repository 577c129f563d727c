/** The times between which a report looks. Days are those of Vietnam. */
import type { KINDS } from "./route";

type Kind = (typeof KINDS)[number];

const DAY_MS = 86_400_000;
const ZONE_MS = 7 * 3_600_000;
/** A shift looks back this far. */
const SHIFT_MS = 12 * 3_600_000;

/** The day of a moment, `2026-11-25`. */
export function dayOf(time: number): string {
  return new Date(time + ZONE_MS).toISOString().slice(0, 10);
}

export function period(kind: Kind, day: string | undefined, now: number): { from: string; to: string } {
  const told = (from: number, to: number) => ({ from: new Date(from).toISOString(), to: new Date(Math.min(to, now)).toISOString() });
  const last = Date.parse(`${day ?? dayOf(now)}T00:00:00+07:00`);
  switch (kind) {
    case "handover":
      return told(now - SHIFT_MS, now);
    case "daily":
      return told(last, last + DAY_MS);
    case "weekly":
      return told(last - 6 * DAY_MS, last + DAY_MS);
    case "monthly": {
      const first = Date.parse(`${dayOf(last).slice(0, 8)}01T00:00:00+07:00`);
      return told(first, Math.max(last, first) + DAY_MS);
    }
  }
}
