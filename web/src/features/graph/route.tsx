import { text } from "@/lib/search-params";
import { moment } from "@/lib/time";

export interface GraphSearch {
  q?: string;
  from?: string;
  to?: string;
}

export const USUAL_FROM = "now-24h";

export function graphSearch(raw: Record<string, unknown>): GraphSearch {
  const time = (key: string) => {
    const value = text(raw, key, 40);
    return value !== undefined && moment(value) !== null ? value : undefined;
  };
  const search: GraphSearch = { q: text(raw, "q"), from: time("from"), to: time("to") };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
