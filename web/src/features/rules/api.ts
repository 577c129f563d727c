import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "@/lib/api";
import { plain } from "@/lib/text";
import type { RuleSort, RulesSearch } from "./route";

export type Rule = Schemas["DetectionRule"];
/** How far back hits are counted, and how a search says so. */
export const SPANS = { day: "now-24h", week: "now-7d", month: "now-30d" } as const;
export type Span = keyof typeof SPANS;
/** With its hits, where they are known. */
export type CountedRule = Rule & Partial<Record<Span, number>>;

export const rulesQuery = queryOptions({
  queryKey: ["rules"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/rules", { signal })),
});

/** The search counts them; where it does not answer, the list does without. */
export const hitsQuery = queryOptions({
  queryKey: ["rules", "hits"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/rules/hits", { signal })),
  retry: false,
});

export function counted(rules: readonly Rule[], hits: readonly Schemas["RuleHits"][] | undefined): readonly CountedRule[] {
  if (!hits) return rules;
  const bySid = new Map(hits.map((one) => [one.sid, one]));
  return rules.map((rule) => ({ ...rule, day: 0, week: 0, month: 0, ...bySid.get(rule.sid) }));
}

export function ruleQuery(sid: number) {
  return queryOptions({
    queryKey: ["rules", sid],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rules/{sid}", { params: { path: { sid } }, signal })),
  });
}

/** What a rule does, in words: they change only with its text. */
export function explanationQuery(sid: number, language: "vi" | "en") {
  return queryOptions({
    queryKey: ["rules", sid, "explanation", language],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rules/{sid}/explanation", { params: { path: { sid }, query: { language } }, signal })),
    staleTime: Infinity,
    retry: false,
  });
}

/** The centre's sets, for a copy of a rule. */
export const setsQuery = queryOptions({
  queryKey: ["rule-sets"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/rule-sets", { signal })),
});

/** Rules that hide alerts of a rule by its id. */
export function hidingQuery(sid: number) {
  return queryOptions({
    queryKey: ["hide-rules"],
    queryFn: ({ signal }) => body(api.GET("/api/v1/hide-rules", { signal })),
    select: (rules) => rules.filter(({ conditions }) => conditions.some(({ field, values }) => field === "sid" && values.includes(String(sid)))),
  });
}

const PAST_DAYS = 30;

export function pastDaysQuery(sid: number, zone: string) {
  const query = { q: `sid:${sid}`, class: "alert" as const, from: `now-${PAST_DAYS}d`, to: "now", buckets: PAST_DAYS, zone };
  return queryOptions({
    queryKey: ["search", "histogram", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/search/histogram", { params: { query }, signal })),
    retry: false,
  });
}

/** How often a rule was right; nothing while nobody has judged it. */
export function precision(rule: Rule): number | undefined {
  return rule.closed > 0 ? rule.true_positive / rule.closed : undefined;
}

/** What of a column is most looked for stands first: the loudest, the wrongest, the latest. */
const ORDERS: Record<RuleSort, (one: CountedRule, other: CountedRule) => number> = {
  sid: (one, other) => one.sid - other.sid,
  rule: (one, other) => (one.title?.vi ?? one.signature).localeCompare(other.title?.vi ?? other.signature, "vi"),
  severity: (one, other) => (one.severity ?? 9) - (other.severity ?? 9),
  technique: (one, other) => Number(!one.technique) - Number(!other.technique) || (one.technique ?? "").localeCompare(other.technique ?? ""),
  day: (one, other) => (other.day ?? 0) - (one.day ?? 0),
  week: (one, other) => (other.week ?? 0) - (one.week ?? 0),
  month: (one, other) => (other.month ?? 0) - (one.month ?? 0),
  alerts: (one, other) => other.alerts - one.alerts,
  precision: (one, other) => (precision(one) ?? 2) - (precision(other) ?? 2) || other.closed - one.closed,
  hidden: (one, other) => other.hidden - one.hidden || other.hide_rules - one.hide_rules,
  last: (one, other) => (other.last ?? "").localeCompare(one.last ?? ""),
};

/** Rules that the search holds, in its order. */
export function chosen(rules: readonly CountedRule[], { q, sort, turned, show }: RulesSearch): CountedRule[] {
  const words = plain(q ?? "").split(/\s+/).filter(Boolean);
  const kept = rules.filter((rule) => {
    if (show === "alerting" && rule.alerts === 0) return false;
    if (show === "quiet" && rule.alerts > 0) return false;
    if (show === "wrong" && !(rule.closed >= 3 && rule.true_positive * 2 < rule.closed)) return false;
    if (words.length === 0) return true;
    const text = plain(`${rule.sid} ${rule.signature} ${rule.title?.vi ?? ""} ${rule.title?.en ?? ""} ${rule.category} ${rule.technique ?? ""}`);
    return words.every((word) => text.includes(word));
  });
  kept.sort(ORDERS[sort ?? "alerts"]);
  return turned ? kept.reverse() : kept;
}
