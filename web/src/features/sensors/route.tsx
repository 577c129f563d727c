import { choice, text, whole } from "@/lib/search-params";

export const SORTS = ["state", "name", "unit", "heartbeat", "drops"] as const;

export interface SensorsSearch {
  /** The sensor whose ledger is shown. */
  sensor?: string;
  /** Hours of the ledger. */
  hours?: number;
  sort?: (typeof SORTS)[number];
  /** Alarms that are over, too. */
  alarms?: "all";
  /** Hours of the ledger of all sensors, and what its rows are. */
  back?: number;
  by?: "hour";
}

export function sensorsSearch(raw: Record<string, unknown>): SensorsSearch {
  const search: SensorsSearch = { sensor: text(raw, "sensor", 64), hours: whole(raw, "hours", 1, 744), sort: choice(raw, "sort", SORTS), alarms: choice(raw, "alarms", ["all"]), back: whole(raw, "back", 1, 744), by: choice(raw, "by", ["hour"]) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
