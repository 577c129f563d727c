import { choice, text, whole } from "@/lib/search-params";

export const SORTS = ["state", "name", "unit", "heartbeat", "drops"] as const;

export interface SensorsSearch {
  /** The sensor whose ledger is shown. */
  sensor?: string;
  /** Hours of the ledger. */
  hours?: number;
  sort?: (typeof SORTS)[number];
}

export function sensorsSearch(raw: Record<string, unknown>): SensorsSearch {
  const search: SensorsSearch = { sensor: text(raw, "sensor", 64), hours: whole(raw, "hours", 1, 744), sort: choice(raw, "sort", SORTS) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
