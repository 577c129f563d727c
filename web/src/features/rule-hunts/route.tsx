import { text } from "@/lib/search-params";
import { moment } from "@/lib/time";

export interface RuleHuntsSearch {
  /** The hunt that is shown. */
  hunt?: string;
  /** `now-30d` and the like, or RFC 3339. */
  from?: string;
  to?: string;
}

export const USUAL_FROM = "now-30d";

function time(raw: Record<string, unknown>, key: string): string | undefined {
  const value = text(raw, key, 40);
  return value !== undefined && moment(value) !== null ? value : undefined;
}

export function ruleHuntsSearch(raw: Record<string, unknown>): RuleHuntsSearch {
  const search: RuleHuntsSearch = { hunt: text(raw, "hunt", 100), from: time(raw, "from"), to: time(raw, "to") };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
