import { joined, pipes } from "@/lib/query";
import { choice, text, texts, whole } from "@/lib/search-params";
import { moment } from "@/lib/time";

export const CLASSES = ["alert", "record"] as const;

/** What the address of a search holds; what is left out has its usual value. */
export interface HuntSearch {
  q?: string;
  /** `now-24h` and the like, or RFC 3339. */
  from?: string;
  to?: string;
  class?: (typeof CLASSES)[number];
  sort?: "oldest";
  cols?: string[];
  /** The rarest values of fields instead of the commonest. */
  rare?: true;
  /** Test messages of sensors too, where nothing is asked for in particular. */
  canary?: true;
  /** A hunt on sensors, whose records stand among the others. */
  remote?: number;
  /** The record whose fields are shown. */
  open?: string;
}

export const USUAL_FROM = "now-24h";
export const USUAL_COLUMNS = ["event_type", "src_ip", "dest_ip", "dest_port"] as const;

/** Whether the search asks for nothing in particular: then test messages, which no traffic made, would only be in the way. */
export function isUnfiltered({ q = "", class: kind }: HuntSearch): boolean {
  return ["", "*"].includes(pipes(q).query) && kind !== "alert";
}

/** What the collector is asked. */
export function askedOf(search: HuntSearch): string {
  const { q = "" } = search;
  return isUnfiltered(search) && !search.canary ? joined({ query: "-event_type:canary", commands: pipes(q).commands }) : q;
}

function time(raw: Record<string, unknown>, key: string): string | undefined {
  const value = text(raw, key, 40);
  return value !== undefined && moment(value) !== null ? value : undefined;
}

export function huntSearch(raw: Record<string, unknown>): HuntSearch {
  const search: HuntSearch = {
    q: text(raw, "q"),
    from: time(raw, "from"),
    to: time(raw, "to"),
    class: choice(raw, "class", CLASSES),
    sort: choice(raw, "sort", ["oldest"] as const),
    cols: texts(raw, "cols"),
    rare: raw.rare === true ? true : undefined,
    canary: raw.canary === true ? true : undefined,
    remote: whole(raw, "remote", 1, Number.MAX_SAFE_INTEGER),
    open: text(raw, "open", 120),
  };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
