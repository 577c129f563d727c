import { choice, text } from "@/lib/search-params";

export const RULE_SORTS = ["alerts", "precision", "sid", "last"] as const;
export const SHOWN = ["all", "alerting", "wrong", "quiet"] as const;

export interface RulesSearch {
  q?: string;
  sort?: (typeof RULE_SORTS)[number];
  show?: (typeof SHOWN)[number];
}

export function rulesSearch(raw: Record<string, unknown>): RulesSearch {
  const search: RulesSearch = { q: text(raw, "q", 200), sort: choice(raw, "sort", RULE_SORTS), show: choice(raw, "show", SHOWN) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
