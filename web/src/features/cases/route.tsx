import { choice } from "@/lib/search-params";

export const CASE_TABS = ["open", "mine", "closed", "all"] as const;

export interface CasesSearch {
  tab?: (typeof CASE_TABS)[number];
}

export function casesSearch(raw: Record<string, unknown>): CasesSearch {
  const tab = choice(raw, "tab", CASE_TABS);
  return tab ? { tab } : {};
}
