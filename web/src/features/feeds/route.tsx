import { choice } from "@/lib/search-params";

export const FEED_TABS = ["runs", "changes", "filters", "settings"] as const;

export interface FeedSearch {
  tab?: (typeof FEED_TABS)[number];
}

export function feedSearch(raw: Record<string, unknown>): FeedSearch {
  const tab = choice(raw, "tab", FEED_TABS);
  return tab ? { tab } : {};
}
