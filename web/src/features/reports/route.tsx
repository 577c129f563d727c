import { choice, text } from "@/lib/search-params";

export const KINDS = ["daily", "weekly", "monthly", "handover"] as const;

export interface ReportsSearch {
  kind?: (typeof KINDS)[number];
  /** The day that the period ends with, `2026-11-25`; the last one when it is left out. */
  day?: string;
}

export function reportsSearch(raw: Record<string, unknown>): ReportsSearch {
  const day = text(raw, "day", 10);
  const search: ReportsSearch = { kind: choice(raw, "kind", KINDS), day: day && /^\d{4}-\d{2}-\d{2}$/.test(day) ? day : undefined };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
