import { keepPreviousData, infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";
import type { EveRecord } from "@/lib/eve";
import { isObject } from "@/lib/json";
import { currentPrefs } from "@/lib/prefs";
import { pipes } from "@/lib/query";
import { askedOf, USUAL_FROM, type HuntSearch } from "./route";

const PAGE = 200;
/** Between two looks at a hunt on sensors. */
const REMOTE_POLL_MS = 1_000;
/** Records of sensors that are shown. */
const REMOTE_ROWS = 2_000;
export const BUCKETS = 72;
const FACET_SIZE = 5;
export const FACETS = [
  "event_type", "matluoi.sensor", "src_ip", "dest_ip", "dest_port", "app_proto", "alert.signature", "dns.queries.rrname", "http.hostname", "tls.sni",
] as const;

function which(search: HuntSearch) {
  return { q: askedOf(search), from: search.from ?? USUAL_FROM, to: search.to ?? "now", class: search.class, zone: currentPrefs().zone };
}

export interface ResultPage {
  items: EveRecord[];
  next: string | undefined;
  total: number;
  exact: boolean;
  partial: boolean;
  /** Those of them that came back from the archive. */
  recalled: Set<EveRecord>;
  archived: Schemas["ArchivedBody"] | null | undefined;
  columns: string[];
  milliseconds: number;
}

export function resultsQuery(search: HuntSearch) {
  const query = { ...which(search), sort: search.sort ?? "newest", limit: PAGE, remember: !!search.q };
  return infiniteQueryOptions({
    queryKey: ["search", "results", query],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }): Promise<ResultPage> => {
      const page = await body(api.GET("/api/v1/search", { params: { query: { ...query, cursor: pageParam || undefined } }, signal }));
      const items: unknown[] = page.items;
      return {
        items: items.filter(isObject),
        recalled: new Set(page.recalled.map((place) => items[place]).filter(isObject)),
        archived: page.archived,
        next: page.next_cursor ?? undefined,
        total: page.total,
        exact: page.total_is_exact,
        partial: page.partial,
        columns: page.columns,
        milliseconds: page.milliseconds,
      };
    },
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

export function histogramQuery(search: HuntSearch) {
  const query = { ...which(search), buckets: BUCKETS };
  return queryOptions({
    queryKey: ["search", "histogram", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/histogram", { params: { query }, signal })),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

export function facetsQuery(search: HuntSearch) {
  const query = { ...which(search), field: [...FACETS], size: FACET_SIZE, rare: search.rare };
  return queryOptions({
    queryKey: ["search", "facets", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/facets", { params: { query }, signal })),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** The tables that the query's commands ask for. */
export function tablesQuery(search: HuntSearch) {
  const query = which(search);
  return queryOptions({
    queryKey: ["search", "tables", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/tables", { params: { query }, signal })),
    enabled: pipes(query.q).commands.some((command) => /^(groupby|rare)\b/.test(command)),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** What stayed on sensors, told before anybody hunts there. */
export const archivesQuery = queryOptions({
  queryKey: ["remote-hunts", "archives"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/remote-hunts/archives", { signal })),
  staleTime: 5_000,
});

/** A hunt on sensors, looked at again while something may still come. */
export function remoteHuntQuery(id: number) {
  return queryOptions({
    queryKey: ["remote-hunts", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/remote-hunts/{id}", { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data?.open ? REMOTE_POLL_MS : false),
    retry: false,
  });
}

/** Its records; asked for again when there are more. */
export function remoteEventsQuery(id: number, found: number) {
  return queryOptions({
    queryKey: ["remote-hunts", id, "events", found],
    queryFn: async ({ signal }): Promise<EveRecord[]> => {
      const told = await body(api.GET("/api/v1/remote-hunts/{id}/events", { params: { path: { id }, query: { limit: REMOTE_ROWS } }, signal }));
      const items: unknown[] = told.items;
      return items.filter(isObject);
    },
    placeholderData: keepPreviousData,
  });
}

export function useRemoteHunt() {
  return useMutation({
    mutationFn: (search: HuntSearch) => {
      const { q, from, to, class: kind, zone } = which(search);
      return body(api.POST("/api/v1/remote-hunts", { body: { q, from, to, class: kind, zone } }));
    },
  });
}

export function useCancelRemoteHunt() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => body(api.POST("/api/v1/remote-hunts/{id}/cancel", { params: { path: { id } } })),
    onSettled: (_told, _error, id) => queries.invalidateQueries({ queryKey: remoteHuntQuery(id).queryKey, exact: true }),
  });
}

/** Names that were probably meant otherwise. */
export function hintsQuery(q: string) {
  return queryOptions({
    queryKey: ["search", "hints", q],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/validate", { params: { query: { q } }, signal })),
    enabled: q !== "",
    retry: false,
  });
}

/** Values of one field, for completion. */
export function valuesQuery(field: string, search: HuntSearch) {
  const query = { from: search.from ?? USUAL_FROM, to: search.to ?? "now", field: [field], size: 30 };
  return queryOptions({
    queryKey: ["search", "values", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/facets", { params: { query }, signal })),
    enabled: field !== "",
    staleTime: 60_000,
    retry: false,
  });
}

export const fieldsQuery = queryOptions({
  queryKey: ["search", "fields"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/search/fields", { signal })),
  staleTime: Infinity,
});

/** Names of sensors by id. */
/** The group that an alert belongs to, if the inbox still has it. */
export async function groupOf(sid: string, source: string, destination: string): Promise<number | undefined> {
  const q = `sid:${sid} src:${source} dest:${destination}`;
  const found = await body(api.GET("/api/v1/groups", { params: { query: { q, limit: 1 } } }));
  return found.items[0]?.id;
}

/** Columns that the reader chose last, on whatever machine. */
const COLUMNS = "hunt.columns";

export const columnsQuery = queryOptions({
  queryKey: ["preferences", COLUMNS],
  queryFn: async ({ signal }): Promise<string[] | null> => {
    const kept: Record<string, unknown> = await body(api.GET("/api/v1/preferences", { signal }));
    const columns = kept[COLUMNS];
    return Array.isArray(columns) && columns.length > 0 ? columns.filter((one): one is string => typeof one === "string") : null;
  },
  staleTime: Infinity,
});

export function useKeepColumns(): (columns: readonly string[]) => void {
  const queries = useQueryClient();
  return (columns) => {
    queries.setQueryData(columnsQuery.queryKey, columns.length > 0 ? [...columns] : null);
    // It is a convenience: without it the columns hold until the page is closed.
    api.PUT("/api/v1/preferences/{name}", { params: { path: { name: COLUMNS } }, body: [...columns] as never }).catch(() => undefined);
  };
}

export const savedQuery = queryOptions({
  queryKey: ["searches", "saved"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/searches", { signal })),
});

export const historyQuery = queryOptions({
  queryKey: ["searches", "history"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/searches/history", { signal })),
  staleTime: 0,
});

export function useSaveSearch() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (asked: Schemas["SavedSearchRequest"]) => body(api.POST("/api/v1/searches", { body: asked })),
    onSuccess: () => queries.invalidateQueries({ queryKey: savedQuery.queryKey }),
  });
}

export function useDeleteSearch() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => body(api.DELETE("/api/v1/searches/{id}", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: savedQuery.queryKey }),
  });
}

export const exportsQuery = queryOptions({
  queryKey: ["exports"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/exports", { signal })),
  refetchInterval: (query) => (query.state.data?.some((one) => one.status === "running") ? 1_000 : false),
});

export function useExport() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ search, format, columns }: { search: HuntSearch; format: string; columns: readonly string[] }) => {
      const { q, from, to, class: kind } = which(search);
      return body(api.POST("/api/v1/exports", { body: { q, from, to, class: kind, format, columns: [...columns], remote_hunt: search.remote } }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: exportsQuery.queryKey }),
  });
}

export function useRecall() {
  return useMutation({ mutationFn: (asked: Schemas["RecallRequest"]) => body(api.POST("/api/v1/archive/recalls", { body: asked })) });
}

export function useDeleteExport() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => body(api.DELETE("/api/v1/exports/{id}", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: exportsQuery.queryKey }),
  });
}
