import { choice, text } from "@/lib/search-params";

/** Why the provider's sign-in came to nothing. */
export const FAULTS = ["throttled", "provider_unreachable", "provider_unasked", "provider_refused", "provider_cancelled", "provider_unknown"] as const;

export interface SignInSearch {
  /** Where to go then; a place of this console alone. */
  next?: string;
  fault?: (typeof FAULTS)[number];
}

export function signInSearch(raw: Record<string, unknown>): SignInSearch {
  const next = text(raw, "next");
  const ours = next !== undefined && next.startsWith("/") && !next.startsWith("//") && !next.includes("\\");
  const fault = choice(raw, "fault", FAULTS);
  return { ...(ours && { next }), ...(fault && { fault }) };
}
