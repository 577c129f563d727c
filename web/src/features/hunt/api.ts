import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, body } from "@/lib/api";
import type { EveRecord } from "@/lib/eve";
import { isObject } from "@/lib/json";
import { USUAL_FROM, type HuntSearch } from "./route";

const PAGE = 100;
export const BUCKETS = 72;
const FACET_SIZE = 6;
export const FACETS = [
  "event_type", "matluoi.sensor", "src_ip", "dest_ip", "dest_port", "app_proto", "alert.signature", "dns.queries.rrname", "http.hostname", "tls.sni",
] as const;

function which(search: HuntSearch) {
  return { q: search.q ?? "", from: search.from ?? USUAL_FROM, to: search.to ?? "now", class: search.class };
}

export interface ResultPage {
  items: EveRecord[];
  next: string | undefined;
  total: number;
  exact: boolean;
  partial: boolean;
  milliseconds: number;
}

export function resultsQuery(search: HuntSearch) {
  const query = { ...which(search), sort: search.sort ?? "newest", limit: PAGE };
  return infiniteQueryOptions({
    queryKey: ["search", "results", query],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }): Promise<ResultPage> => {
      const began = performance.now();
      const page = await body(api.GET("/api/v1/search", { params: { query: { ...query, cursor: pageParam || undefined } }, signal }));
      const items: unknown[] = page.items;
      return {
        items: items.filter(isObject),
        next: page.next_cursor ?? undefined,
        total: page.total,
        exact: page.total_is_exact,
        partial: page.partial,
        milliseconds: Math.round(performance.now() - began),
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
  const query = { ...which(search), field: [...FACETS], size: FACET_SIZE };
  return queryOptions({
    queryKey: ["search", "facets", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/facets", { params: { query }, signal })),
    placeholderData: keepPreviousData,
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
export const sensorNamesQuery = queryOptions({
  queryKey: ["sensors", "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors", { signal })),
  staleTime: 60_000,
});

/** The group that an alert belongs to, if the inbox still has it. */
export async function groupOf(sid: string, source: string, destination: string): Promise<number | undefined> {
  const q = `sid:${sid} src:${source} dest:${destination}`;
  const found = await body(api.GET("/api/v1/groups", { params: { query: { q, limit: 1 } } }));
  return found.items[0]?.id;
}
