import { text, whole } from "@/lib/search-params";

export interface FleetSearch {
  /** The unit or the sensor that is shown; without both, the reader's own unit. */
  unit?: number;
  sensor?: string;
}

export function fleetSearch(raw: Record<string, unknown>): FleetSearch {
  const sensor = text(raw, "sensor", 64);
  if (sensor) return { sensor };
  const unit = whole(raw, "unit", 1, Number.MAX_SAFE_INTEGER);
  return unit === undefined ? {} : { unit };
}
