import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, body } from "@/lib/api";
import { USUAL_FROM, type AboutSearch, type Kind } from "./route";

function range(search: AboutSearch) {
  return { from: search.from ?? USUAL_FROM, to: search.to ?? "now" };
}

export function aboutQuery(kind: Exclude<Kind, "flows">, value: string, search: AboutSearch) {
  const query = range(search);
  return queryOptions({
    queryKey: ["about", kind, value, query],
    queryFn: ({ signal }) => {
      switch (kind) {
        case "hosts":
          return body(api.GET("/api/v1/hosts/{address}", { params: { path: { address: value }, query }, signal }));
        case "domains":
          return body(api.GET("/api/v1/domains/{name}", { params: { path: { name: value }, query }, signal }));
        case "files":
          return body(api.GET("/api/v1/files/{hash}", { params: { path: { hash: value }, query }, signal }));
        case "fingerprints":
          return body(api.GET("/api/v1/fingerprints/{value}", { params: { path: { value }, query }, signal }));
      }
    },
    placeholderData: keepPreviousData,
  });
}

export function flowQuery(value: string, search: AboutSearch) {
  // A flow is named by its id: where it is in time is not known beforehand.
  const query = { from: search.from ?? "now-90d", to: search.to ?? "now" };
  return queryOptions({
    queryKey: ["about", "flows", value, query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/flows/{id}", { params: { path: { id: value }, query }, signal })),
  });
}

export function peersQuery(value: string, search: AboutSearch) {
  const query = range(search);
  return queryOptions({
    queryKey: ["about", "peers", value, query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/hosts/{address}/graph", { params: { path: { address: value }, query }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** Groups of the inbox that an address is in. */
export function groupsQuery(address: string) {
  return queryOptions({
    queryKey: ["groups", "about", address],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups", { params: { query: { q: address, sort: "risk", limit: 10 } }, signal })),
  });
}
