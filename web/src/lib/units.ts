import { queryOptions } from "@tanstack/react-query";
import { api, body } from "@/lib/api";

/** The reader's unit and those below it. */
export const unitsQuery = queryOptions({
  queryKey: ["units"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/units", { signal })),
  staleTime: 60_000,
});
