/** The list that an alert was opened from: for going back to it, and to the next one. */
import type { InboxSearch } from "./route";

interface Trail {
  ids: number[];
  search: InboxSearch;
}

let trail: Trail = { ids: [], search: {} };

export function keepTrail(kept: Trail): void {
  trail = kept;
}

export function currentTrail(): Trail {
  return trail;
}

export function beside(id: number, step: 1 | -1): number | undefined {
  const at = trail.ids.indexOf(id);
  return at < 0 ? undefined : trail.ids[at + step];
}
