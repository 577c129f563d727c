/** Which names DNS gave for an address before. */
import { queryOptions } from "@tanstack/react-query";
import { api, body } from "./api";

const DAYS = 7;
const MOST = 5;

/** Names that led to an address in the week up to a time (the record's own), the most asked for first. */
export function namesQuery(address: string, time: string | undefined) {
  const end = time ? Date.parse(time) : Number.NaN;
  const query = {
    value: address,
    rows: MOST,
    ...(Number.isNaN(end) ? {} : { from: new Date(end - DAYS * 86_400_000).toISOString(), to: new Date(end + 1000).toISOString() }),
  };
  return queryOptions({
    queryKey: ["passive-dns", query],
    queryFn: async ({ signal }) => {
      const panel = await body(api.GET("/api/v1/passive-dns", { params: { query }, signal }));
      return [...new Set(panel.rows.map((row) => row.values[0] ?? ""))].filter((name) => name !== "");
    },
    staleTime: 60_000,
  });
}
