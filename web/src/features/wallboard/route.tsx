import { whole } from "@/lib/search-params";

export interface WallSearch {
  /** Seconds that each picture stays. */
  every?: number;
}

export function wallSearch(raw: Record<string, unknown>): WallSearch {
  const every = whole(raw, "every", 5, 600);
  return every === undefined ? {} : { every };
}
