import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";
import { USUAL_AUDIT, type SettingsSearch } from "./route";

export const peopleQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/users", { signal })),
});

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sessions", { signal })),
});

export const factorQuery = queryOptions({
  queryKey: ["second-factor"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/second-factor", { signal })),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/tokens", { signal })),
});

/** A change after which a list is asked for again. */
function useChange<Asked, Answer>(key: readonly string[], change: (asked: Asked) => Promise<Answer>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: key }) });
}

export const useCreateUnit = () => useChange(["units"], (asked: Schemas["NewUnitRequest"]) => body(api.POST("/api/v1/units", { body: asked })));
export const useRenameUnit = () =>
  useChange(["units"], ({ id, ...asked }: Schemas["UnitChangeRequest"] & { id: number }) => body(api.PATCH("/api/v1/units/{id}", { params: { path: { id } }, body: asked })));
export const useDeleteUnit = () => useChange(["units"], (id: number) => body(api.DELETE("/api/v1/units/{id}", { params: { path: { id } } })));

export const useCreateUser = () => useChange(["users"], (asked: Schemas["NewUserRequest"]) => body(api.POST("/api/v1/users", { body: asked })));
export const useUpdateUser = () =>
  useChange(["users"], ({ id, ...asked }: Schemas["UserChangeRequest"] & { id: number }) => body(api.PATCH("/api/v1/users/{id}", { params: { path: { id } }, body: asked })));
export const useUnlockUser = () => useChange(["users"], (id: number) => body(api.POST("/api/v1/users/{id}/unlock", { params: { path: { id } } })));
export const useEndUserSessions = () => useChange(["users"], (id: number) => body(api.DELETE("/api/v1/users/{id}/sessions", { params: { path: { id } } })));
export const useResetFactor = () => useChange(["users"], (id: number) => body(api.DELETE("/api/v1/users/{id}/second-factor", { params: { path: { id } } })));

export const useEndSession = () => useChange(["sessions"], (id: string) => body(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } })));
export const useBeginFactor = () => useChange(["none"], () => body(api.POST("/api/v1/second-factor")));
export const useConfirmFactor = () => useChange(["second-factor"], (code: string) => body(api.PUT("/api/v1/second-factor", { body: { code } })));
export const useRemoveFactor = () => useChange(["second-factor"], (code: string) => body(api.DELETE("/api/v1/second-factor", { body: { code } })));
export const useCreateToken = () => useChange(["tokens"], (asked: Schemas["TokenRequest"]) => body(api.POST("/api/v1/tokens", { body: asked })));
export const useDeleteToken = () => useChange(["tokens"], (id: number) => body(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id } } })));

export const watchQuery = queryOptions({
  queryKey: ["alarm-settings"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/alarms/settings", { signal })),
});
export const useSetWatch = () => useChange(["alarm-settings"], (asked: Schemas["WatchSettings"]) => body(api.PUT("/api/v1/alarms/settings", { body: asked })));

export const storageQuery = queryOptions({
  queryKey: ["retention"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/retention", { signal })),
});

export const sourcesQuery = queryOptions({
  queryKey: ["sources"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sources", { signal })),
});
export const useCreateSource = () => useChange(["sources"], (asked: Schemas["NewSource"]) => body(api.POST("/api/v1/sources", { body: asked })));
export const useRenewSource = () => useChange(["sources"], (id: string) => body(api.POST("/api/v1/sources/{id}/token", { params: { path: { id } } })));
export const useRevokeSource = () => useChange(["sources"], (id: string) => body(api.DELETE("/api/v1/sources/{id}", { params: { path: { id } } })));

export const channelsQuery = queryOptions({
  queryKey: ["notifications", "channels"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/notifications/channels", { signal })),
});
export const tellingQuery = queryOptions({
  queryKey: ["notifications", "rules"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/notifications/rules", { signal })),
});
export function outboxQuery(state: string) {
  return infiniteQueryOptions({
    queryKey: ["notifications", "outbox", state],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) => body(api.GET("/api/v1/notifications/outbox", { params: { query: { state: state || undefined, before: pageParam } }, signal })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

/** Without an id a new one is made. */
export const usePutChannel = () =>
  useChange(["notifications"], async ({ id, ...asked }: Schemas["ChannelRequest"] & { id?: number }) => {
    if (id === undefined) await body(api.POST("/api/v1/notifications/channels", { body: asked }));
    else await body(api.PUT("/api/v1/notifications/channels/{id}", { params: { path: { id } }, body: asked }));
  });
export const useDeleteChannel = () => useChange(["notifications"], (id: number) => body(api.DELETE("/api/v1/notifications/channels/{id}", { params: { path: { id } } })));
export const useTestChannel = () => useChange(["notifications", "outbox"], (id: number) => body(api.POST("/api/v1/notifications/channels/{id}/test", { params: { path: { id } } })));
export const usePutTelling = () =>
  useChange(["notifications"], async ({ id, ...asked }: Schemas["RuleRequest"] & { id?: number }) => {
    if (id === undefined) await body(api.POST("/api/v1/notifications/rules", { body: asked }));
    else await body(api.PUT("/api/v1/notifications/rules/{id}", { params: { path: { id } }, body: asked }));
  });
export const useDeleteTelling = () => useChange(["notifications"], (id: number) => body(api.DELETE("/api/v1/notifications/rules/{id}", { params: { path: { id } } })));
export const useRetryMessage = () => useChange(["notifications", "outbox"], (id: number) => body(api.POST("/api/v1/notifications/outbox/{id}/retry", { params: { path: { id } } })));

export const archiveQuery = queryOptions({
  queryKey: ["archive", "state"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/archive", { signal })),
});
export const packsQuery = infiniteQueryOptions({
  queryKey: ["archive", "packs"],
  initialPageParam: undefined as number | undefined,
  queryFn: ({ pageParam, signal }) => body(api.GET("/api/v1/archive/packs", { params: { query: { before: pageParam } }, signal })),
  getNextPageParam: (page) => page.next ?? undefined,
});
/** Asked for anew whenever somebody is about to change them. */
export const archiveSettingsQuery = queryOptions({
  queryKey: ["archive", "settings"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/archive/settings", { signal })),
  staleTime: 0,
  gcTime: 0,
});
export const useSetArchive = () => useChange(["archive"], (asked: Schemas["ArchiveSettings"]) => body(api.PUT("/api/v1/archive/settings", { body: asked })));
export const useTryArchive = () => useChange(["none"], (site: Schemas["ArchiveSite"]) => body(api.POST("/api/v1/archive/settings/try", { body: { site } })));
export const useEndRecall = () => useChange(["archive"], (asked: Schemas["EndRecallRequest"]) => body(api.POST("/api/v1/archive/recalls/end", { body: asked })));

/** Asked for anew whenever somebody is about to change it. */
export const providerQuery = queryOptions({
  queryKey: ["provider"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/provider", { signal })),
  staleTime: 0,
  gcTime: 0,
});
export const useSetProvider = () => useChange(["provider"], (asked: Schemas["ProviderSettings"]) => body(api.PUT("/api/v1/provider", { body: asked })));
export const useTryProvider = () => useChange(["none"], (asked: Schemas["ProviderSettings"]) => body(api.POST("/api/v1/provider/try", { body: asked })));
export const identitiesQuery = queryOptions({
  queryKey: ["identities"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/identities", { signal })),
});
export const useSetIdentity = () =>
  useChange(["identities"], ({ id, expected }: { id: number; expected: string | null }) => body(api.PUT("/api/v1/users/{id}/identity", { params: { path: { id } }, body: { expected } })));

/** What the audit log is asked for. */
function askedOfAudit({ who, area, words, from, to }: SettingsSearch) {
  return { user: who, action: area, q: words, from: from ?? USUAL_AUDIT, to };
}
export function auditQuery(search: SettingsSearch) {
  const asked = askedOfAudit(search);
  return infiniteQueryOptions({
    queryKey: ["audit", asked],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) => body(api.GET("/api/v1/audit", { params: { query: { ...asked, before: pageParam } }, signal })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}
/** Where the same lines are as a file. */
export function auditFile(search: SettingsSearch): string {
  const asked = Object.entries(askedOfAudit(search)).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `/api/v1/audit/file?${new URLSearchParams(asked).toString()}`;
}
export const useCheckChain = () => useChange(["none"], () => body(api.GET("/api/v1/audit/chain")));
