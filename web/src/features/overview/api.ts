import { queryOptions } from "@tanstack/react-query";
import { api, body } from "@/lib/api";

export const HOURS = 24;

/** Groups that nobody has looked at, by severity. */
export const newSummaryQuery = queryOptions({
  queryKey: ["groups", "summary", "overview"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/groups/summary", { params: { query: { status: "new" } }, signal })),
});

export const worstQuery = queryOptions({
  queryKey: ["groups", "worst"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/groups", { params: { query: { status: "new", sort: "risk", limit: 8 } }, signal })),
});

export const hourlyQuery = queryOptions({
  queryKey: ["search", "histogram", "overview"],
  queryFn: ({ signal }) =>
    body(api.GET("/api/v1/search/histogram", { params: { query: { q: "", class: "alert", from: `now-${HOURS}h`, to: "now", buckets: HOURS } }, signal })),
});

export const sensorsQuery = queryOptions({
  queryKey: ["sensors", "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors", { signal })),
});
