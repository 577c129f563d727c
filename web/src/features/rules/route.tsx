import { choice, text } from "@/lib/search-params";

/** The columns of the list. */
export const RULE_SORTS = ["sid", "rule", "severity", "technique", "day", "week", "month", "alerts", "precision", "hidden", "last"] as const;
export type RuleSort = (typeof RULE_SORTS)[number];
export const SHOWN = ["all", "alerting", "wrong", "quiet"] as const;

export interface RulesSearch {
  q?: string;
  sort?: RuleSort;
  /** The other way round than a column is usually read. */
  turned?: boolean;
  show?: (typeof SHOWN)[number];
}

export function rulesSearch(raw: Record<string, unknown>): RulesSearch {
  const search: RulesSearch = { q: text(raw, "q", 200), sort: choice(raw, "sort", RULE_SORTS), turned: raw.turned === true || undefined, show: choice(raw, "show", SHOWN) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
