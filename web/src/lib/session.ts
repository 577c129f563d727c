/** Who is signed in. */
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { ApiError, api, body, rememberCsrf, type Schemas } from "@/lib/api";

export type SessionUser = Schemas["SessionUser"];

export const ROLES = ["viewer", "analyst", "rule_author", "administrator"] as const;

/** `null` when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }) => {
    try {
      const session = await body(api.GET("/api/v1/session", { signal }));
      rememberCsrf(session.csrf);
      return session.user;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Infinity,
});

export interface Rights {
  user: SessionUser;
  /** May change alert groups. */
  analyst: boolean;
  /** May write rules. */
  author: boolean;
  administrator: boolean;
}

export function useRights(): Rights {
  const { data: user } = useSuspenseQuery(sessionQuery);
  const signedIn: SessionUser = user ?? { id: 0, name: "", display_name: "", role: "viewer", unit_id: 0, locale: "vi" };
  const rank = ROLES.findIndex((role) => role === signedIn.role);
  return { user: signedIn, analyst: rank >= 1, author: rank >= 2, administrator: rank === ROLES.length - 1 };
}
