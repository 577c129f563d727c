import { text } from "@/lib/search-params";

export interface SignInSearch {
  /** Where to go then; a place of this console alone. */
  next?: string;
}

export function signInSearch(raw: Record<string, unknown>): SignInSearch {
  const next = text(raw, "next");
  const ours = next !== undefined && next.startsWith("/") && !next.startsWith("//") && !next.includes("\\");
  return ours ? { next } : {};
}
