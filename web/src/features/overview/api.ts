import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";

export const HOURS = 24;
/** Two weeks by the hour: as many buckets as one histogram may have. */
export const HEAT_DAYS = 14;
const HOUR_MS = 3_600_000;
export const CHANGE_DAYS = 7;

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

export const heatQuery = queryOptions({
  queryKey: ["search", "histogram", "heat"],
  queryFn: ({ signal }) => {
    // Whole hours, the running one among them.
    const to = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
    const iso = (time: number) => new Date(time).toISOString();
    return body(api.GET("/api/v1/search/histogram", { params: { query: { q: "", class: "alert", from: iso(to - HEAT_DAYS * 24 * HOUR_MS), to: iso(to), buckets: HEAT_DAYS * 24 } }, signal }));
  },
  staleTime: 300_000,
});

function signatures(from: string, to: string) {
  return body(api.GET("/api/v1/search/tables", { params: { query: { q: "event_type:alert | groupby alert.signature alert.signature_id | head 1000", from, to } } }));
}

/** Changes of each kind that are told. */
const MOST_CHANGES = 6;

async function titlesOf(changes: readonly Change[]): Promise<Schemas["RuleTitle"][]> {
  if (changes.length === 0) return [];
  return body(api.GET("/api/v1/rules/titles", { params: { query: { sid: changes.map(({ sid }) => Number(sid)) } } }));
}

export interface Change {
  signature: string;
  /** In plain words, if the rule has any. */
  title: { vi: string; en: string } | undefined;
  sid: string;
  now: number;
  /** Alerts of an average day before. */
  before: number;
}

/** Signatures of the last day that the week before it did not have, or had far less of. */
export const changesQuery = queryOptions({
  queryKey: ["overview", "changes"],
  queryFn: async (): Promise<{ fresh: Change[]; grown: Change[] }> => {
    const [today, week] = await Promise.all([signatures("now-24h", "now"), signatures(`now-${CHANGE_DAYS + 1}d`, "now-24h")]);
    const known = new Map(week.tables[0]?.rows.map((row) => [row.values[1] ?? "", row.count]));
    const changes = (today.tables[0]?.rows ?? []).map((row): Change => {
      const [signature = "", sid = ""] = row.values;
      return { signature, title: undefined, sid, now: row.count, before: (known.get(sid) ?? 0) / CHANGE_DAYS };
    });
    const fresh = changes.filter((change) => change.before === 0).slice(0, MOST_CHANGES);
    const grown = changes.filter((change) => change.before > 0 && change.now >= 10 && change.now > 3 * change.before).slice(0, MOST_CHANGES);
    const titles = new Map((await titlesOf([...fresh, ...grown])).map(({ sid, title }) => [String(sid), title]));
    const titled = (change: Change): Change => ({ ...change, title: titles.get(change.sid) });
    return { fresh: fresh.map(titled), grown: grown.map(titled) };
  },
  staleTime: 300_000,
});

export const sensorAlertsQuery = queryOptions({
  queryKey: ["overview", "by-sensor"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/search/tables", { params: { query: { q: "event_type:alert | groupby matluoi.sensor | head 1000", from: "now-24h", to: "now" } }, signal })),
  staleTime: 60_000,
});

export const sensorsQuery = queryOptions({
  queryKey: ["sensors", "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors", { signal })),
});
