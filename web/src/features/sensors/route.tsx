import { choice, text, whole } from "@/lib/search-params";

/** The columns that the table can be ordered by; with a minus, from the greatest down. */
const COLUMNS = ["state", "name", "unit", "heartbeat", "packets", "drops", "backlog", "evidence", "skew", "version", "rules", "configuration"] as const;
const SORTS = COLUMNS.flatMap((one) => [one, `-${one}`] as const);

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

/** An order that an address may hold, if it is one. */
export const sortOf = (told: string | undefined) => SORTS.find((one) => one === told);

export function sensorsSearch(raw: Record<string, unknown>): SensorsSearch {
  const search: SensorsSearch = { sensor: text(raw, "sensor", 64), hours: whole(raw, "hours", 1, 744), sort: choice(raw, "sort", SORTS), alarms: choice(raw, "alarms", ["all"]), back: whole(raw, "back", 1, 744), by: choice(raw, "by", ["hour"]) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
