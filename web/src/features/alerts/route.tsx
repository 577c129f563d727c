import { choice, numbers, text } from "@/lib/search-params";

export const TABS = ["new", "open", "escalated", "closed", "hidden"] as const;
export type Tab = (typeof TABS)[number];
export const SORTS = ["risk", "last", "count"] as const;
/** What rows are put together by; without it a row is one signature between two ends. */
export const BY = ["signature", "source", "destination"] as const;
export const SINCE = ["1h", "24h", "7d", "30d"] as const;

/** What the address of the inbox holds; what is left out has its usual value. */
export interface InboxSearch {
  tab?: Tab;
  q?: string;
  severity?: number[];
  since?: (typeof SINCE)[number];
  /** A range that stays where it is, in a frozen link: it stands instead of `since`. */
  from?: string;
  to?: string;
  sort?: (typeof SORTS)[number];
  order?: "asc";
  by?: (typeof BY)[number];
  /** The group that the cursor stands on. */
  at?: number;
}

/** A time that does not move. */
function fixed(raw: Record<string, unknown>, name: string): string | undefined {
  const time = text(raw, name, 40);
  return time && /^\d{4}-/.test(time) && !Number.isNaN(Date.parse(time)) ? time : undefined;
}

export function inboxSearch(raw: Record<string, unknown>): InboxSearch {
  const at = Number(raw.at);
  const [from, to] = [fixed(raw, "from"), fixed(raw, "to")];
  const search: InboxSearch = {
    tab: choice(raw, "tab", TABS),
    q: text(raw, "q", 500),
    severity: numbers(raw, "severity", [1, 2, 3, 4]),
    since: from || to ? undefined : choice(raw, "since", SINCE),
    from,
    to,
    sort: choice(raw, "sort", SORTS),
    order: choice(raw, "order", ["asc"] as const),
    by: choice(raw, "by", BY),
    at: Number.isInteger(at) && at > 0 ? at : undefined,
  };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}

export const DETAIL_TABS = ["protocol", "payload", "packets", "rule", "json", "history"] as const;

export interface AlertSearch {
  tab?: (typeof DETAIL_TABS)[number];
  /** The alert of the group that is looked at; the newest when it is left out. */
  event?: string;
}

export function alertSearch(raw: Record<string, unknown>): AlertSearch {
  const search: AlertSearch = { tab: choice(raw, "tab", DETAIL_TABS), event: text(raw, "event", 120) };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
