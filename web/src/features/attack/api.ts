import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, body } from "@/lib/api";
import { USUAL_FROM, type AttackSearch } from "./route";

export const FIELD = "alert.metadata.mitre_technique_id";

function range(search: AttackSearch) {
  return { from: search.from ?? USUAL_FROM, to: search.to ?? "now" };
}

export function countsQuery(search: AttackSearch) {
  const query = { q: `event_type:alert | groupby ${FIELD} dc(src_ip) dc(dest_ip) | head 1000`, ...range(search) };
  return queryOptions({
    queryKey: ["attack", "counts", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/tables", { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** The alerts of a technique and of what is below it. */
export function techniqueQuery(technique: string): string {
  return `(${FIELD}:${technique} OR ${FIELD}:${technique}.*)`;
}

export function detailQuery(technique: string, search: AttackSearch) {
  const query = { q: `${techniqueQuery(technique)} | groupby alert.signature alert.signature_id | head 20 | groupby src_ip | head 8 | groupby dest_ip | head 8`, ...range(search) };
  return queryOptions({
    queryKey: ["attack", "detail", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/tables", { params: { query }, signal })),
    enabled: technique !== "",
  });
}
