import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, api, body, type Schemas } from "@/lib/api";
import { EVE, type EveRecord } from "@/lib/eve";
import { isObject, textAt } from "@/lib/json";

export type RuleSet = Schemas["RuleSetBody"];
export type RuleVersion = Schemas["RuleVersionBody"];
export type Remark = Schemas["Remark"];
export type Checked = Schemas["Checked"];
export type Tried = Schemas["Tried"];
export type NearMiss = Schemas["NearMiss"];
export type RuleTarget = Schemas["RuleTargetBody"];
export type Publication = Schemas["PublicationBody"];
type Language = Schemas["Tongue"];

export const setsQuery = queryOptions({
  queryKey: ["rule-sets"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/rule-sets", { signal })),
});

export const capturesQuery = queryOptions({
  queryKey: ["rule-captures"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/rule-captures", { signal })),
});

/** As much is listed; the newest. */
const EVIDENCE = 200;

type Evidence = Schemas["EvidenceBody"];

/** Between two looks at packets that are on their way. */
const POLL_MS = 2_000;

export const isOnItsWay = ({ state }: Evidence) => ["queued", "sent", "reading", "uploading"].includes(state);

/** Packets around alerts that were asked for, the newest first. */
export const evidenceQuery = queryOptions({
  queryKey: ["evidence", "asked"],
  queryFn: async ({ signal }) => (await body(api.GET("/api/v1/evidence", { params: { query: { limit: EVIDENCE } }, signal }))).items,
  refetchInterval: ({ state }) => (state.data?.some(isOnItsWay) ? POLL_MS : false),
});

/** Alerts that are looked at, and flows of theirs that are fetched at once: a sensor's link may be thin. */
const LATEST = 200;
const MOST_FETCHED = 20;

/** Alerts, one of each flow, the newest first, whose packets nobody has asked for. */
export function unfetched(alerts: readonly EveRecord[], asked: readonly Evidence[]): string[] {
  const known = new Set(asked.filter(({ state }) => state !== "failed" && state !== "cancelled").map((one) => one.flow_id));
  const events: string[] = [];
  for (const alert of alerts) {
    const [id, flow] = [textAt(alert, EVE.id), textAt(alert, EVE.flow)];
    if (id === undefined || flow === undefined || known.has(flow)) continue;
    known.add(flow);
    events.push(id);
    if (events.length === MOST_FETCHED) break;
  }
  return events;
}

export function unfetchedQuery(days: number, asked: readonly Evidence[] | undefined) {
  return queryOptions({
    queryKey: ["evidence", "unfetched", days, asked?.map(({ id, state }) => `${id} ${state}`)],
    queryFn: async ({ signal }) => {
      const query = { q: `${EVE.type}:alert`, from: `now-${days}d`, to: "now", limit: LATEST };
      const items: unknown[] = (await body(api.GET("/api/v1/search", { params: { query }, signal }))).items;
      return unfetched(items.filter(isObject), asked ?? []);
    },
    enabled: asked !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** Asks for the packets of each; a sensor that cannot give those of one does not keep the others back. */
async function fetchEvidence({ events, reason }: { events: readonly string[]; reason: string }): Promise<{ asked: number; refused: number }> {
  let refused = 0;
  for (const id of events) {
    try {
      await body(api.POST("/api/v1/events/{id}/evidence", { params: { path: { id } }, body: { reason } }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500) throw error;
      refused += 1;
    }
  }
  return { asked: events.length - refused, refused };
}

export const useFetchEvidence = () => useChange(fetchEvidence, ["evidence"]);

const path = (id: number) => ({ path: { id } });

export function setQuery(id: number) {
  return queryOptions({
    queryKey: ["rule-sets", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rule-sets/{id}", { params: path(id), signal })),
  });
}

/** A rule that the collector or another set has, for a copy. */
export function ruleQuery(sid: number) {
  return queryOptions({
    queryKey: ["rules", sid],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rules/{sid}", { params: { path: { sid } }, signal })),
  });
}

export function versionQuery(id: number, number: number) {
  return queryOptions({
    queryKey: ["rule-sets", id, "version", number],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rule-sets/{id}/versions/{number}", { params: { path: { id, number } }, signal })),
    enabled: number > 0,
    // A version never changes.
    staleTime: Infinity,
  });
}

export function publishedQuery(id: number) {
  return queryOptions({
    queryKey: ["rule-sets", id, "published"],
    queryFn: ({ signal }) => body(api.GET("/api/v1/rule-sets/{id}/publications", { params: path(id), signal })),
    // Whoever has published watches what sensors make of it.
    refetchInterval: 5_000,
  });
}

export function checkQuery(text: string, language: Language) {
  return queryOptions({
    queryKey: ["rule-check", language, text],
    queryFn: ({ signal }) => body(api.POST("/api/v1/rule-bench/check", { body: { text, language }, signal })),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}

export function explainQuery(text: string, language: Language) {
  return queryOptions({
    queryKey: ["rule-explain", language, text],
    queryFn: ({ signal }) => body(api.POST("/api/v1/rule-bench/explain", { body: { text, language }, signal })),
    enabled: text !== "",
    gcTime: 60_000,
  });
}

export function complete(rule: string, offset: number, language: Language, signal: AbortSignal): Promise<Schemas["Offer"][]> {
  return body(api.POST("/api/v1/rule-bench/complete", { body: { rule, offset, language }, signal }));
}

/** A change after which everything about rule sets is asked for again. */
function useChange<Asked, Answer>(change: (asked: Asked) => Promise<Answer>, key: readonly string[] = ["rule-sets"]) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => queries.invalidateQueries({ queryKey: key }) });
}

export const useCreateSet = () => useChange((asked: Schemas["NewRuleSetRequest"]) => body(api.POST("/api/v1/rule-sets", { body: asked })));
export const useDeleteSet = () => useChange((id: number) => body(api.DELETE("/api/v1/rule-sets/{id}", { params: path(id) })));
export const useSaveDraft = (id: number) => useChange((asked: Schemas["DraftRequest"]) => body(api.PUT("/api/v1/rule-sets/{id}/draft", { params: path(id), body: asked })));
export const useKeep = (id: number) => useChange((asked: Schemas["VersionRequest"]) => body(api.POST("/api/v1/rule-sets/{id}/versions", { params: path(id), body: asked })));
export const usePublish = (id: number) => useChange((asked: Schemas["PublishRequest"]) => body(api.POST("/api/v1/rule-sets/{id}/publications", { params: path(id), body: asked })));
/** Near misses of as many captures are kept. */
const MOST_ATTEMPTS = 20;

export function added(sum: Tried | undefined, rule: Tried): Tried {
  if (!sum) return rule;
  return {
    ...sum,
    looks: sum.looks + rule.looks,
    matches: sum.matches + rule.matches,
    alerts: sum.alerts + rule.alerts,
    attempts: [...sum.attempts, ...rule.attempts].slice(0, MOST_ATTEMPTS),
  };
}

interface Trying {
  text: string;
  language: Language;
  /** Ids, as the collector takes them. */
  captures: readonly string[];
  /** Told behind each. */
  onDone?: (done: number) => void;
}

/** Rules are tried on one capture after the other, and what they did is added up; the first try that fails ends it. */
async function tryOn({ captures, onDone, ...asked }: Trying): Promise<{ capture: string; captures: number; rules: Tried[] }> {
  const sums = new Map<number, Tried>();
  let name = "";
  for (const [index, capture] of captures.entries()) {
    const told = await body(api.POST("/api/v1/rule-bench/tries", { body: { ...asked, capture } }));
    name = told.capture;
    for (const rule of told.rules) sums.set(rule.sid, added(sums.get(rule.sid), rule));
    onDone?.(index + 1);
  }
  return { capture: name, captures: captures.length, rules: [...sums.values()] };
}

export const useTry = () => useMutation({ mutationFn: tryOn });
export const useDeleteCapture = () => useChange((id: string) => body(api.DELETE("/api/v1/rule-captures/{id}", { params: { path: { id } } })), ["rule-captures"]);
export const useAddCapture = () =>
  useChange(
    (file: File) =>
      body(
        api.POST("/api/v1/rule-captures", {
          params: { query: { name: file.name } },
          // The description knows bytes as a list of numbers; what is sent is the file.
          body: file as unknown as number[],
          bodySerializer: (content) => content as unknown as BodyInit,
          headers: { "content-type": "application/octet-stream" },
        }),
      ),
    ["rule-captures"],
  );
