import { choice, text, whole } from "@/lib/search-params";

export const BENCH_TABS = ["edit", "try", "diff", "versions", "publish"] as const;

const MOST_SID = 4_294_967_295;

export interface BenchSearch {
  tab?: (typeof BENCH_TABS)[number];
  /** The version that the draft is held against; the newest without it. */
  against?: number;
  /** The capture that rules are tried on. */
  capture?: string;
  /** The rule that the editor shows, and whose try is shown first. */
  sid?: number;
  /** The rule that a copy of is written behind the others. */
  add?: number;
}

export function benchSearch(raw: Record<string, unknown>): BenchSearch {
  const search: BenchSearch = { tab: choice(raw, "tab", BENCH_TABS), against: whole(raw, "against", 1, 1_000_000), capture: text(raw, "capture", 64), sid: whole(raw, "sid", 1, MOST_SID), add: whole(raw, "add", 1, MOST_SID) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
