import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";

export type RuleHunt = Schemas["RuleHuntBody"];
export type FoundRule = Schemas["FoundRule"];
export type RuleHuntRow = Schemas["RuleHuntRow"];

const ALL = ["rule-hunts"] as const;
/** While it runs, it is asked for this often. */
const PAUSE = 1_000;

export const huntsQuery = queryOptions({
  queryKey: [...ALL, "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/rule-hunts", { signal })),
  refetchInterval: (query) => (query.state.data?.some((one) => one.status === "running") ? PAUSE : false),
});

export function huntQuery(id: string | undefined) {
  return queryOptions({
    queryKey: [...ALL, "one", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rule-hunts/{id}", { params: { path: { id: id ?? "" } }, signal })),
    enabled: id !== undefined,
    refetchInterval: (query) => (query.state.data?.status === "running" ? PAUSE : false),
    retry: false,
  });
}

/** How rules would be looked for, and what is wrong with them. */
export function planQuery(text: string) {
  return queryOptions({
    queryKey: [...ALL, "plan", text],
    queryFn: ({ signal }) => body(api.POST("/api/v1/rule-hunts/plan", { body: { text }, signal })),
    enabled: text.trim() !== "",
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    retry: false,
  });
}

export function useHunt() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (asked: Schemas["RuleHuntRequest"]) => body(api.POST("/api/v1/rule-hunts", { body: asked })),
    onSuccess: () => queries.invalidateQueries({ queryKey: huntsQuery.queryKey }),
  });
}

export function useCancelHunt() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => body(api.POST("/api/v1/rule-hunts/{id}/cancel", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ALL }),
  });
}

export function useDeleteHunt() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => body(api.DELETE("/api/v1/rule-hunts/{id}", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: huntsQuery.queryKey }),
  });
}

export const runningQuery = queryOptions({
  queryKey: ["collector-rules"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/collector-rules", { signal })),
});

export function useReload() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => body(api.POST("/api/v1/collector-rules/reload")),
    onSuccess: (running) => queries.setQueryData(runningQuery.queryKey, running),
  });
}

/** Days of a range, `2026-11-25`, each with what a rule hit on it. The days are those of records' own times. */
export function byDay(days: Readonly<Record<string, number>>, from: string, to: string): { day: string; hits: number }[] {
  const rows: { day: string; hits: number }[] = [];
  const end = new Date(to).getTime();
  for (let at = Date.parse(`${from.slice(0, 10)}T00:00:00Z`); at <= end && rows.length < 400; at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    rows.push({ day, hits: days[day] ?? 0 });
  }
  return rows;
}
