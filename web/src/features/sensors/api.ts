import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";

export type LinkPlan = Schemas["LinkPlanBody"];

export const sensorsQuery = queryOptions({
  queryKey: ["sensors", "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors", { signal })),
});

export function ledgerQuery(id: string, hours: number) {
  return queryOptions({
    queryKey: ["sensors", "ledger", id, hours],
    queryFn: ({ signal }) => body(api.GET("/api/v1/sensors/{id}/ledger", { params: { path: { id }, query: { hours } }, signal })),
    enabled: id !== "",
  });
}

export function historyQuery(id: string, hours: number) {
  return queryOptions({
    queryKey: ["sensors", "history", id, hours],
    queryFn: ({ signal }) => body(api.GET("/api/v1/sensors/{id}/history", { params: { path: { id }, query: { hours } }, signal })),
  });
}

export const quarantineQuery = infiniteQueryOptions({
  queryKey: ["quarantine"],
  initialPageParam: undefined as number | undefined,
  queryFn: ({ pageParam, signal }) => body(api.GET("/api/v1/quarantine", { params: { query: { before: pageParam } }, signal })),
  getNextPageParam: (page) => page.next ?? undefined,
});

export function useEnrolment() {
  return useMutation({
    mutationFn: (asked: { name: string; unit_id: number }) => body(api.POST("/api/v1/sensors/enrolments", { body: asked })),
  });
}

/** Sets what a sensor may send; none: what its own configuration says. */
export function useLinkPlan(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (plan: LinkPlan | undefined) =>
      plan ? body(api.PUT("/api/v1/sensors/{id}/link", { params: { path: { id } }, body: plan })) : body(api.DELETE("/api/v1/sensors/{id}/link", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["sensors"] }),
  });
}

export function ledgersQuery(hours: number) {
  return queryOptions({
    queryKey: ["ledgers", hours],
    queryFn: ({ signal }) => body(api.GET("/api/v1/ledger", { params: { query: { hours } }, signal })),
  });
}

export function alarmsQuery(state: "open" | "all") {
  return infiniteQueryOptions({
    queryKey: ["alarms", state],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) => body(api.GET("/api/v1/alarms", { params: { query: { state, before: pageParam } }, signal })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export function useAcknowledge() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, comment }: { id: number; comment: string }) => body(api.POST("/api/v1/alarms/{id}/acknowledge", { params: { path: { id } }, body: { comment } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["alarms"] }),
  });
}
