import { infiniteQueryOptions, queryOptions, useMutation, useQuery, useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, body, type Schemas } from "@/lib/api";
import type { EveRecord } from "@/lib/eve";
import { isObject } from "@/lib/json";
import { useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import type { InboxSearch, Tab } from "./route";

export type GroupRow = Schemas["GroupRow"];
export type Verdict = "true_positive" | "false_positive" | "benign";
export const VERDICTS: readonly Verdict[] = ["true_positive", "false_positive", "benign"];
export type ActionName = "acknowledge" | "escalate" | "close" | "escalate_close" | "reopen" | "assign" | "comment";
export type HideCondition = Schemas["ConditionBody"];
export type HideRule = Schemas["HideRuleBody"];

const PAGE = 100;
export function filterOf(search: InboxSearch) {
  return {
    status: search.tab ?? "new",
    q: search.q ?? "",
    severity: search.severity ?? [],
    from: search.since ? `now-${search.since}` : search.from,
    to: search.to,
  };
}

function listQuery(search: InboxSearch, cursor: string | undefined, limit: number) {
  return { ...filterOf(search), sort: search.sort ?? "risk", order: search.order ?? "desc", limit, cursor };
}

interface Page {
  items: GroupRow[];
  next: string | undefined;
  total: number;
  /** Alerts that the filter held when the list was read. */
  alerts: number;
}

export function inboxQuery(search: InboxSearch) {
  const filter = { ...search, at: undefined };
  return infiniteQueryOptions({
    queryKey: ["groups", "list", filter],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal, client }): Promise<Page> => {
      const list = body(api.GET("/api/v1/groups", { params: { query: listQuery(search, pageParam || undefined, PAGE) }, signal }));
      // Asked for once, though the page shows it as well.
      const counted = pageParam ? Promise.resolve({ alerts: 0 }) : client.fetchQuery({ ...summaryQuery(search), staleTime: 0 });
      const [page, { alerts }] = await Promise.all([list, counted]);
      return { items: page.items, next: page.next_cursor ?? undefined, total: page.total, alerts };
    },
    getNextPageParam: (page) => page.next,
    staleTime: 60_000,
  });
}

export function summaryQuery(search: InboxSearch) {
  const filter = filterOf(search);
  return queryOptions({
    queryKey: ["groups", "summary", filter],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups/summary", { params: { query: filter }, signal })),
  });
}

/** Groups of each tab; the page's frame asks the same. */
export const tabsQuery = queryOptions({
  queryKey: ["groups", "badge"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/groups", { params: { query: { status: "new", limit: 1 } }, signal })),
});

/** Every group that the filter holds, up to a limit. */
export async function allGroups(search: InboxSearch, most: number): Promise<GroupRow[]> {
  const found: GroupRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await body(api.GET("/api/v1/groups", { params: { query: listQuery(search, cursor, 500) } }));
    found.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor && found.length < most);
  return found.slice(0, most);
}

export function rolledQuery(search: InboxSearch) {
  const query = { ...filterOf(search), sort: search.sort ?? "risk", order: search.order ?? "desc", by: search.by ?? "signature", limit: 500 };
  return queryOptions({
    queryKey: ["groups", "rolled", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups/rolled", { params: { query }, signal })),
  });
}

export function groupQuery(id: number) {
  return queryOptions({
    queryKey: ["groups", "one", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups/{id}", { params: { path: { id } }, signal })),
  });
}

export function eventQuery(id: string) {
  return queryOptions({
    queryKey: ["event", id],
    queryFn: async ({ signal }): Promise<EveRecord> => {
      const event: unknown = await body(api.GET("/api/v1/events/{id}", { params: { path: { id } }, signal }));
      return isObject(event) ? event : { raw: String(event) };
    },
    staleTime: Infinity,
  });
}

/** The rule that made an alert, and where what it looks for stands in the alert's bytes; nothing if its text is not known. */
export function eventRuleQuery(id: string) {
  return queryOptions({
    queryKey: ["event", id, "rule"],
    queryFn: ({ signal }) => known(body(api.GET("/api/v1/events/{id}/rule", { params: { path: { id } }, signal }))),
    staleTime: Infinity,
  });
}

export function explanationQuery(id: string, language: "vi" | "en") {
  return queryOptions({
    queryKey: ["event", id, "rule", language],
    queryFn: ({ signal }) => known(body(api.GET("/api/v1/events/{id}/rule/explanation", { params: { path: { id }, query: { language } }, signal }))),
    staleTime: Infinity,
    retry: false,
  });
}

/** What is asked for, or nothing where there is none of it. */
async function known<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });
}

async function records(q: string, limit: number, sort: "newest" | "oldest", signal: AbortSignal, from?: string) {
  const page = await body(api.GET("/api/v1/search", { params: { query: { q, limit, sort, from } }, signal }));
  const items: unknown[] = page.items;
  return { items: items.filter(isObject), total: page.total };
}

export function occurrencesQuery(group: GroupRow) {
  const q = `alert.signature_id:${group.sid} src_ip:${group.source} dest_ip:${group.destination}`;
  return queryOptions({
    queryKey: ["event", "of-group", group.id, group.count],
    queryFn: ({ signal }) => records(q, 50, "newest", signal),
  });
}

export function flowQuery(flow: string) {
  return queryOptions({
    queryKey: ["event", "of-flow", flow],
    queryFn: ({ signal }) => records(`flow_id:${flow}`, 200, "oldest", signal),
    enabled: flow !== "",
  });
}

export function relatedQuery(q: string, status?: Tab) {
  return queryOptions({
    queryKey: ["groups", "related", q, status],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups", { params: { query: { q, status, limit: 6 } }, signal })),
    enabled: q !== "",
  });
}

export const hideRulesQuery = queryOptions({
  queryKey: ["hide-rules"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/hide-rules", { signal })),
});

export function hidePreviewQuery(conditions: HideCondition[]) {
  return queryOptions({
    queryKey: ["hide-rules", "preview", conditions],
    queryFn: () => body(api.POST("/api/v1/hide-rules/preview", { body: { conditions } })),
    enabled: conditions.length > 0,
  });
}

export interface Act {
  ids: number[];
  /** The versions that are on the screen, in the order of `ids`. */
  versions?: number[];
  mute_days?: number;
  action: ActionName;
  verdict?: Verdict;
  reason?: string;
  comment?: string;
  owner?: string;
}

const AFTER: Partial<Record<ActionName, Tab>> = { acknowledge: "open", escalate: "escalated", close: "closed", escalate_close: "closed", reopen: "open" };

/** Takes rows out of the lists that no longer hold them, so that nothing else on the screen moves. */
function applyToLists(queries: QueryClient, act: Act): void {
  const ids = new Set(act.ids);
  const status = AFTER[act.action];
  for (const [key, data] of queries.getQueriesData<InfiniteData<Page>>({ queryKey: ["groups", "list"] })) {
    const filter = key[2];
    if (!data || !isObject(filter)) continue;
    const tab = typeof filter.tab === "string" ? filter.tab : "new";
    const leaves = status !== undefined && status !== tab;
    let gone = 0;
    let alertsGone = 0;
    const pages = data.pages.map((page) => {
      const items = page.items.flatMap((row) => {
        if (!ids.has(row.id)) return [row];
        if (leaves) {
          gone += 1;
          alertsGone += row.count;
          return [];
        }
        const owner = act.action === "assign" ? (act.owner ?? null) : row.owner;
        return [{ ...row, owner, status: status ?? row.status, version: row.version + 1 }];
      });
      return { ...page, items };
    });
    const first = pages[0];
    if (first) pages[0] = { ...first, total: first.total - gone, alerts: first.alerts - alertsGone };
    queries.setQueryData(key, { ...data, pages });
  }
}

let lastUndo = "";

/** Acting on groups, and taking it back. */
export function useActions() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const problem = useProblemText();
  const refresh = () => queries.invalidateQueries({ queryKey: ["groups"] });
  const undo = useMutation({
    mutationFn: (token: string) => body(api.POST("/api/v1/groups/actions/undo", { body: { undo_token: token } })),
    onSuccess: async ({ changed }) => {
      toast({ text: changed > 0 ? t("alerts.undone", { count: changed }) : t("alerts.nothingUndone") });
      await refresh();
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  const undoLast = () => {
    if (!lastUndo) {
      toast({ text: t("alerts.nothingToUndo") });
      return;
    }
    undo.mutate(lastUndo);
    lastUndo = "";
  };
  const act = useMutation({
    mutationFn: (change: Act) => body(api.POST("/api/v1/groups/actions", { body: change })),
    onMutate: (change) => applyToLists(queries, change),
    onSuccess: async ({ changed, conflicts, undo_token }, change) => {
      const other = conflicts[0];
      if (other) {
        toast({
          text: t("alerts.conflict", { count: conflicts.length, user: other.user ?? t("history.system"), status: t(`status.${other.status}`) }),
          bad: true,
        });
        await refresh();
      }
      if (changed > 0 || !other) {
        lastUndo = undo_token;
        toast({
          text: t(`alerts.did.${change.action}`, { count: changed }),
          action: { label: `${t("common.undo")} (z)`, run: undoLast },
        });
      }
      await Promise.all([
        queries.invalidateQueries({ queryKey: ["groups", "badge"] }),
        queries.invalidateQueries({ queryKey: ["groups", "summary"] }),
        queries.invalidateQueries({ queryKey: ["groups", "one"] }),
        queries.invalidateQueries({ queryKey: ["groups", "related"] }),
        // Lists of other tabs are read again when they are opened.
        queries.invalidateQueries({ queryKey: ["groups", "list"], refetchType: "none" }),
      ]);
    },
    onError: async (error) => {
      toast({ text: problem(error), bad: true });
      await refresh();
    },
  });
  return { act, undoLast };
}

/** An action on everything that matches, going on at the collector. */
export function useBulk(onEnd: () => void) {
  const { t } = useTranslation();
  const problem = useProblemText();
  const { undoLast } = useActions();
  const [running, setRunning] = useState<number | undefined>();
  const start = useMutation({
    mutationFn: ({ search, ...change }: { search: InboxSearch } & Omit<Act, "ids" | "versions">) =>
      body(api.POST("/api/v1/groups/actions/matching", { body: { ...filterOf(search), ...change } })),
    onSuccess: ({ id, undo_token }) => {
      lastUndo = undo_token;
      setRunning(id);
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  const progress = useQuery({
    queryKey: ["bulk", running],
    queryFn: ({ signal }) => body(api.GET("/api/v1/groups/bulk/{id}", { params: { path: { id: running ?? 0 } }, signal })),
    enabled: running !== undefined,
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "running" ? false : 400),
  });
  const told = running === undefined ? undefined : progress.data;
  const ended = useRef(onEnd);
  useEffect(() => {
    ended.current = onEnd;
  });
  const over = told !== undefined && told.state !== "running";
  useEffect(() => {
    if (!over || !told) return;
    toast({
      text: t(`bulk.${told.state}`, { count: told.changed }),
      bad: told.state === "failed",
      action: told.changed > 0 ? { label: `${t("common.undo")} (z)`, run: undoLast } : undefined,
    });
    ended.current();
    // Once, when it is over.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [over]);
  const stop = () => {
    if (running !== undefined) body(api.DELETE("/api/v1/groups/bulk/{id}", { params: { path: { id: running } } })).catch(() => undefined);
  };
  return { start, progress: over ? undefined : told, stop };
}

/** Making and ending rules that hide. */
export function useHiding() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const problem = useProblemText();
  const refresh = () => Promise.all([queries.invalidateQueries({ queryKey: ["hide-rules"] }), queries.invalidateQueries({ queryKey: ["groups"] })]);
  const end = useMutation({
    mutationFn: (id: number) => body(api.DELETE("/api/v1/hide-rules/{id}", { params: { path: { id } } })),
    onSuccess: async ({ shown }) => {
      toast({ text: t("hide.ended", { count: shown }) });
      await refresh();
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  const create = useMutation({
    mutationFn: (rule: Schemas["HideRequest"]) => body(api.POST("/api/v1/hide-rules", { body: rule })),
    onSuccess: async ({ hidden, rule }) => {
      toast({ text: t("hide.made", { count: hidden }), action: { label: t("common.undo"), run: () => end.mutate(rule.id) } });
      await refresh();
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  return { create, end };
}
