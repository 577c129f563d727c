import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import type { EveRecord } from "@/lib/eve";
import { isObject } from "@/lib/json";
import { useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import type { InboxSearch, Tab } from "./route";

export type GroupRow = Schemas["GroupRow"];
export type Verdict = "true_positive" | "false_positive" | "benign";
export const VERDICTS: readonly Verdict[] = ["true_positive", "false_positive", "benign"];
export type ActionName = "acknowledge" | "escalate" | "close" | "reopen" | "assign" | "comment";

const PAGE = 100;
/** Groups that one action takes at most, as the collector has it. */
export const MOST_AT_ONCE = 10_000;

export function filterOf(search: InboxSearch) {
  return {
    status: search.tab ?? "new",
    q: search.q ?? "",
    severity: search.severity ?? [],
    from: search.since ? `now-${search.since}` : undefined,
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
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      const list = body(api.GET("/api/v1/groups", { params: { query: listQuery(search, pageParam || undefined, PAGE) }, signal }));
      const counted = pageParam
        ? Promise.resolve({ alerts: 0 })
        : body(api.GET("/api/v1/groups/summary", { params: { query: filterOf(search) }, signal }));
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

export interface Act {
  ids: number[];
  action: ActionName;
  verdict?: Verdict;
  reason?: string;
  comment?: string;
  owner?: string;
}

const AFTER: Partial<Record<ActionName, Tab>> = { acknowledge: "open", escalate: "escalated", close: "closed", reopen: "open" };

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
        return [{ ...row, owner: act.action === "assign" ? (act.owner ?? null) : row.owner, status: status ?? row.status }];
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
    onSuccess: async ({ changed, undo_token }, change) => {
      lastUndo = undo_token;
      toast({
        text: t(`alerts.did.${change.action}`, { count: changed }),
        action: { label: `${t("common.undo")} (z)`, run: undoLast },
      });
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
