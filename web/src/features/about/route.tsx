import { text } from "@/lib/search-params";
import { moment } from "@/lib/time";

export const KINDS = ["hosts", "domains", "files", "fingerprints", "flows"] as const;
export type Kind = (typeof KINDS)[number];

export interface AboutSearch {
  /** `now-7d` and the like, or RFC 3339. */
  from?: string;
  to?: string;
}

export const USUAL_FROM = "now-7d";

export function aboutSearch(raw: Record<string, unknown>): AboutSearch {
  const time = (key: string) => {
    const value = text(raw, key, 40);
    return value !== undefined && moment(value) !== null ? value : undefined;
  };
  const search: AboutSearch = { from: time("from"), to: time("to") };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
