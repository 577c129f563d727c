import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";

export type Setting = Schemas["SettingBody"];
export type Effective = Schemas["EffectiveBody"];
export type Preview = Schemas["FleetPreviewBody"];
export type Order = Schemas["OrderBody"];
export type Silence = Schemas["SilenceBody"];
export type SettingChange = Schemas["SettingChange"];

/** A unit with everything below it, or one sensor. */
export type Target = { unit_id: number; sensor_id?: undefined } | { unit_id?: undefined; sensor_id: string };

/** Between two looks at what sensors report; orders that are under way are looked at more often. */
const LOOK_MS = 10_000;
const ORDER_MS = 2_000;

const isOpen = (order: Order) => ["queued", "sent", "working"].includes(order.state);

export const sensorsQuery = queryOptions({
  queryKey: ["sensors", "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors", { signal })),
  refetchInterval: LOOK_MS,
});

export const unitsQuery = queryOptions({
  queryKey: ["units"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/units", { signal })),
});

/** What may be changed; it is part of the collector's program. */
export const settingsQuery = queryOptions({
  queryKey: ["fleet", "settings"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/fleet/settings", { signal })),
  staleTime: Infinity,
});

export function effectiveQuery(target: Target) {
  return queryOptions({
    queryKey: ["fleet", "effective", target],
    queryFn: ({ signal }) => body(api.GET("/api/v1/fleet/effective", { params: { query: target }, signal })),
  });
}

export function changesQuery(target: Target) {
  return queryOptions({
    queryKey: ["fleet", "changes", target],
    queryFn: ({ signal }) => body(api.GET("/api/v1/fleet/changes", { params: { query: target }, signal })),
  });
}

export function configurationQuery(id: string) {
  return queryOptions({
    queryKey: ["fleet", "configuration", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/sensors/{id}/configuration", { params: { path: { id } }, signal })),
    refetchInterval: LOOK_MS,
  });
}

export function ordersQuery(id: string) {
  return queryOptions({
    queryKey: ["fleet", "orders", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/sensors/{id}/orders", { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (state.data?.some(isOpen) ? ORDER_MS : LOOK_MS),
  });
}

export const silencesQuery = queryOptions({
  queryKey: ["fleet", "silences"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/silences", { signal })),
  refetchInterval: LOOK_MS,
});

export function usePreview() {
  return useMutation({ mutationFn: (asked: Target & { changes: SettingChange[] }) => body(api.POST("/api/v1/fleet/preview", { body: asked })) });
}

/** A change after which everything about sensors is asked for again. */
function useFleetChange<Asked, Answer>(change: (asked: Asked) => Promise<Answer>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => Promise.all(["fleet", "sensors", "alarms"].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}

export const useChangeSettings = () => useFleetChange((asked: Target & { changes: SettingChange[]; revision: number; why: string }) => body(api.POST("/api/v1/fleet/changes", { body: asked })));
export const useOrder = (id: string) => useFleetChange((asked: { kind: string; reason: string }) => body(api.POST("/api/v1/sensors/{id}/orders", { params: { path: { id } }, body: asked })));
export const useCancelOrder = () => useFleetChange((id: number) => body(api.POST("/api/v1/orders/{id}/cancel", { params: { path: { id } } })));
export const useSilence = () => useFleetChange((asked: Schemas["SilenceRequest"]) => body(api.POST("/api/v1/silences", { body: asked })));
export const useEndSilence = () => useFleetChange((id: number) => body(api.POST("/api/v1/silences/{id}/end", { params: { path: { id } } })));
export const useUpdateSensor = (id: string) => useFleetChange((asked: Schemas["SensorChangeRequest"]) => body(api.PATCH("/api/v1/sensors/{id}", { params: { path: { id } }, body: asked })));
export const useRevoke = (id: string) => useFleetChange((reason: string) => body(api.POST("/api/v1/sensors/{id}/revoke", { params: { path: { id } }, body: { reason } })));
