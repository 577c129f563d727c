import { text } from "@/lib/search-params";
import { moment } from "@/lib/time";

export interface AttackSearch {
  from?: string;
  to?: string;
  /** The technique whose signatures are shown. */
  technique?: string;
  /** Techniques without alerts are left out. */
  seen?: true;
}

export const USUAL_FROM = "now-30d";

export function attackSearch(raw: Record<string, unknown>): AttackSearch {
  const time = (key: string) => {
    const value = text(raw, key, 40);
    return value !== undefined && moment(value) !== null ? value : undefined;
  };
  const search: AttackSearch = { from: time("from"), to: time("to"), technique: text(raw, "technique", 12), seen: raw.seen === true ? true : undefined };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
