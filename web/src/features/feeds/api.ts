import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";

export type Feed = Schemas["FeedBody"];
export type FeedContent = Schemas["FeedContent"];
export type FeedRun = Schemas["FeedRunBody"];
export type FeedRequest = Schemas["FeedRequest"];
export type Filters = Schemas["FiltersBody"];
export type FilterFault = Schemas["FilterFaultBody"];
export type RuleDiff = Schemas["RuleDiff"];
export type RuleChange = Schemas["RuleChangeBody"];

/** Between two looks at runs that go on, and at those that may begin by themselves. */
const RUNNING_MS = 1_000;
const RESTING_MS = 30_000;

const path = (id: number) => ({ path: { id } });

export const isRunning = (feed: Feed) => feed.last_run?.status === "running";

export const feedsQuery = queryOptions({
  queryKey: ["feeds"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/feeds", { signal })),
  refetchInterval: ({ state }) => (state.data?.some(isRunning) ? RUNNING_MS : RESTING_MS),
});

export function feedQuery(id: number) {
  return queryOptions({
    queryKey: ["feeds", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/feeds/{id}", { params: path(id), signal })),
    refetchInterval: ({ state }) => (state.data && isRunning(state.data.feed) ? RUNNING_MS : RESTING_MS),
  });
}

/** What the newest version changes against the published one. */
export function diffQuery(set: number, from: number | undefined, to: number | undefined) {
  return queryOptions({
    queryKey: ["rule-sets", set, "diff", from ?? 0, to ?? 0],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rule-sets/{id}/diff", { params: { ...path(set), query: { from, to: to ?? 0 } }, signal })),
    enabled: to !== undefined && to !== from,
    // Versions never change.
    staleTime: Infinity,
  });
}

/** A change after which sources and the sets that they feed are asked for again. */
function useChange<Asked, Answer>(change: (asked: Asked) => Promise<Answer>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => Promise.all(["feeds", "rule-sets"].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}

export const useCreateFeed = () => useChange((asked: Schemas["NewFeedRequest"]) => body(api.POST("/api/v1/feeds", { body: asked })));
export const useChangeFeed = (id: number) => useChange((asked: FeedRequest) => body(api.PUT("/api/v1/feeds/{id}", { params: path(id), body: asked })));
export const useDeleteFeed = () => useChange((id: number) => body(api.DELETE("/api/v1/feeds/{id}", { params: path(id) })));
export const useSaveFilters = (id: number) => useChange((asked: Filters) => body(api.PUT("/api/v1/feeds/{id}/filters", { params: path(id), body: asked })));
export const useRunFeed = (id: number) => useChange((what: "fetch" | "stored") => body(api.POST("/api/v1/feeds/{id}/runs", { params: path(id), body: { what } })));
export const usePublish = (set: number) => useChange((asked: Schemas["PublishRequest"]) => body(api.POST("/api/v1/rule-sets/{id}/publications", { params: path(set), body: asked })));
export const useGive = (id: number) =>
  useChange((file: File) =>
    body(
      api.PUT("/api/v1/feeds/{id}/content", {
        params: { ...path(id), query: { name: file.name } },
        // The description knows bytes as a list of numbers; what is sent is the file.
        body: file as unknown as number[],
        bodySerializer: (content) => content as unknown as BodyInit,
        headers: { "content-type": "application/octet-stream" },
      }),
    ),
  );
