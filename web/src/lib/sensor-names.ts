import { queryOptions } from "@tanstack/react-query";
import { api, body } from "./api";

/** What the sensors of records are called, those among them that are no more. */
export const sensorNamesQuery = queryOptions({
  queryKey: ["sensors", "names"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors/names", { signal })),
  select: (names) => new Map(names.map(({ id, name }) => [id, name])),
  staleTime: 60_000,
});
