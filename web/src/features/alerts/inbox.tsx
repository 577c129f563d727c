/** The inbox: alert groups by tab, worst first. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi, useRouter } from "@tanstack/react-router";
import { BellRing, CheckCheck, CircleHelp, Download, EyeOff, Filter, RefreshCw, Search } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useLive } from "@/lib/live";
import { usePolling } from "@/lib/presence";
import { csv, save, stamped } from "@/lib/save";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime, moment } from "@/lib/time";
import { Button, buttonClass, Chip, Empty, Failure, IconButton, Loading, SEVERITIES, useProblemText } from "@/ui/basics";
import { Menu, MenuCheck } from "@/ui/menu";
import { Share } from "@/ui/share";
import { toast } from "@/ui/toasts";
import { allGroups, inboxQuery, summaryQuery, tabsQuery, useActions, useBulk, useHiding, type Act, type ActionName, type Verdict } from "./api";
import { BulkBar } from "./components/bulk-bar";
import { CaseDialog } from "./components/case-dialog";
import { CloseDialog, CommentDialog, HelpDialog } from "./components/dialogs";
import { GroupList, type ListHandle } from "./components/group-list";
import { HideDialog } from "./components/hide-dialog";
import { RolledList } from "./components/rolled-list";
import { useTitle } from "./components/title";
import { BY, SINCE, SORTS, TABS, type InboxSearch, type Tab } from "./route";
import { keepTrail } from "./trail";
import "./alerts.css";

const route = getRouteApi("/signed-in/alerts");
/** The stream tells at once; this is for when it does not come through. */
const POLL_MS = 30_000;
const MOST_EXPORTED = 5_000;

function tabSearch(tab: Tab): Partial<InboxSearch> {
  return { tab: tab === "new" ? undefined : tab, at: undefined };
}

type Asked = { kind: "close"; verdict?: Verdict; escalate?: boolean } | { kind: "comment" } | { kind: "hide" } | { kind: "case" } | { kind: "help" };
type More = Pick<Act, "verdict" | "reason" | "comment" | "owner" | "mute_days">;

export function InboxPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const { user, analyst } = useRights();
  const { zone } = usePrefs();
  const problem = useProblemText();
  const titleOf = useTitle();
  const list = useInfiniteQuery(inboxQuery(search));
  const summary = useQuery(summaryQuery(search));
  const tabs = useQuery(tabsQuery);
  const { act, undoLast } = useActions();
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const [cursor, setCursor] = useState<number | undefined>(search.at);
  const [matching, setMatching] = useState(false);
  const [menu, setMenu] = useState(false);
  const [dropped, setDropped] = useState(0);
  const [asked, setAsked] = useState<Asked | undefined>();
  const [text, setText] = useState(search.q ?? "");
  const searchBox = useRef<HTMLInputElement>(null);
  const listHandle = useRef<ListHandle>(null);

  const tab = search.tab ?? "new";
  const total = list.data?.pages[0]?.total ?? 0;
  const known = list.data?.pages[0]?.alerts ?? 0;
  const fresh = list.data && summary.data ? Math.max(0, summary.data.alerts - known) : 0;
  usePolling(() => {
    void summary.refetch();
    void tabs.refetch();
  }, POLL_MS);
  useLive((news) => {
    if (news.dropped > 0) setDropped((before) => before + news.dropped);
    if (news.alerts > 0 || news.dropped > 0) {
      void summary.refetch();
      void tabs.refetch();
    }
  });

  const select = (ids: ReadonlySet<number>) => {
    setMatching(false);
    setSelected(ids);
  };
  const change = (to: Partial<InboxSearch>) => {
    select(new Set());
    void navigate({ search: (before) => ({ ...before, at: undefined, ...to }), replace: !("tab" in to) });
  };
  const [shownQ, setShownQ] = useState(search.q);
  if (shownQ !== search.q) {
    setShownQ(search.q);
    setText(search.q ?? "");
  }
  const refresh = () => {
    setDropped(0);
    void list.refetch();
    void summary.refetch();
    void tabs.refetch();
  };

  const bulk = useBulk(() => {
    select(new Set());
    refresh();
  });
  const { create: hide } = useHiding();

  const place = Math.max(0, rows.findIndex((row) => row.id === cursor));
  const here = rows[place];
  const moveTo = (to: number) => {
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    if (!row) return;
    setCursor(row.id);
    listHandle.current?.show(rows.indexOf(row));
    if (to >= rows.length - 3 && list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
  };
  const open = (id: number | undefined, detail: "payload" | undefined = undefined) => {
    if (id === undefined) return;
    keepTrail({ ids: rows.map((row) => row.id), search: { ...search, at: id } });
    void navigate({ search: (before) => ({ ...before, at: id }), replace: true }).then(() =>
      navigate({ to: "/alerts/$group", params: { group: String(id) }, search: detail ? { tab: detail } : {} }),
    );
  };
  const toggle = (id: number) => {
    const after = new Set(selected);
    if (!after.delete(id)) after.add(id);
    select(after);
  };

  /** What an action means: the selected groups, else the one that the cursor stands on. */
  const targets = selected.size > 0 ? [...selected] : here ? [here.id] : [];
  const run = (action: ActionName, more: More = {}) => {
    if (targets.length === 0) return;
    if (!analyst) {
      toast({ text: t("alerts.viewerCannot"), bad: true });
      return;
    }
    if (matching) {
      bulk.start.mutate({ search, action, ...more });
      return;
    }
    const stays = rows.filter((row) => !targets.includes(row.id));
    const next = rows.slice(place).find((row) => !targets.includes(row.id)) ?? stays.at(-1);
    if (action !== "comment" && action !== "assign") setCursor(next?.id);
    select(new Set());
    const seen = new Map(rows.map((row) => [row.id, row.version]));
    const versions = targets.flatMap((id) => seen.get(id) ?? []);
    act.mutate({ ids: targets, versions: versions.length === targets.length ? versions : undefined, action, ...more });
  };
  const ask = (what: Asked) => {
    if (!analyst) toast({ text: t("alerts.viewerCannot"), bad: true });
    else if (targets.length > 0) setAsked(what);
  };
  /** What stands there now: groups that began later are not in it. */
  const frozen = (): Record<string, string> => {
    const now = Date.now();
    const begin = search.since ? moment(`now-${search.since}`, now) : null;
    const from = begin === null ? search.from : new Date(begin).toISOString();
    return { ...(from && { from }), to: search.to ?? new Date(now).toISOString() };
  };
  const exportCsv = () => {
    const header = ["severity", "title", "rule", "sid", "source", "destination", "count", "first", "last", "status", "verdict", "reason", "owner", "sensors", "technique"];
    allGroups(search, MOST_EXPORTED).then(
      (all) => {
        const lines = all.map((row) => [
          row.severity, titleOf(row).title, row.signature, row.sid, row.source, row.destination, row.count, row.first, row.last,
          row.status, row.verdict, row.reason, row.owner, row.sensors.join(" "), row.technique,
        ]);
        save(`${stamped("matluoi-alerts")}.csv`, "text/csv", csv(header, lines));
        toast({ text: t("common.exported", { count: all.length }) });
      },
      (error: unknown) => toast({ text: problem(error), bad: true }),
    );
  };

  useKeys(
    {
      j: () => moveTo(place + 1),
      k: () => moveTo(place - 1),
      ArrowDown: () => moveTo(place + 1),
      ArrowUp: () => moveTo(place - 1),
      "Shift+h": () => moveTo(0),
      "Shift+g": () => moveTo(rows.length - 1),
      o: () => open(here?.id),
      Enter: () => open(here?.id),
      x: () => here && toggle(here.id),
      "* a": () => select(new Set(rows.map((row) => row.id))),
      "* n": () => select(new Set()),
      "* 1": () => here && select(new Set(rows.filter((row) => row.sid === here.sid).map((row) => row.id))),
      "Shift+s": () => ask({ kind: "close", verdict: "true_positive", escalate: true }),
      ".": () => setMenu(true),
      p: () => open(here?.id, "payload"),
      h: () => here && ask({ kind: "hide" }),
      v: () => run("acknowledge"),
      e: () => ask({ kind: "close" }),
      f: () => ask({ kind: "close", verdict: "false_positive" }),
      c: () => ask({ kind: "comment" }),
      s: () => run("escalate"),
      a: () => run("assign", { owner: user.name }),
      z: undoLast,
      r: refresh,
      "/": () => searchBox.current?.focus(),
      "?": () => setAsked({ kind: "help" }),
    },
    asked === undefined,
  );

  useEffect(() => {
    document.title = `${t("nav.alerts")} – Mắt Lưới`;
  }, [t]);

  const words = (search.q ?? "").split(/\s+/).filter(Boolean);
  const isFrozen = search.from !== undefined || search.to !== undefined;
  const filtered = words.length > 0 || search.severity !== undefined || search.since !== undefined || isFrozen;
  return (
    <div className="page">
      <div className="page__head inbox__head">
        <h1>{t("nav.alerts")}</h1>
        <form
          role="search"
          className="searchbox"
          onSubmit={(event) => {
            event.preventDefault();
            change({ q: text.trim() || undefined });
            searchBox.current?.blur();
          }}
        >
          <Search aria-hidden />
          <input
            ref={searchBox}
            className="input"
            type="search"
            aria-label={t("alerts.search")}
            placeholder={t("alerts.searchHint")}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && searchBox.current?.blur()}
          />
        </form>
        <Menu
          label={t("alerts.severity")}
          trigger={
            <Button>
              <Filter aria-hidden />
              {t("alerts.severity")}
            </Button>
          }
        >
          {SEVERITIES.map((level) => (
            <MenuCheck
              key={level}
              checked={search.severity?.includes(level) ?? false}
              onChange={(checked) => {
                const levels = SEVERITIES.filter((one) => (one === level ? checked : search.severity?.includes(one)));
                change({ severity: levels.length > 0 ? levels : undefined });
              }}
            >
              {t(`severity.${level}`)}
            </MenuCheck>
          ))}
        </Menu>
        <select className="select" aria-label={t("alerts.since")} value={search.since ?? ""} onChange={(event) => change({ since: SINCE.find((one) => one === event.target.value), from: undefined, to: undefined })}>
          <option value="">{t("since.any")}</option>
          {SINCE.map((one) => (
            <option key={one} value={one}>
              {t(`since.${one}`)}
            </option>
          ))}
        </select>
        <select className="select" aria-label={t("alerts.sort")} value={search.sort ?? "risk"} onChange={(event) => change({ sort: SORTS.find((one) => one === event.target.value && one !== "risk"), order: undefined })}>
          {SORTS.map((one) => (
            <option key={one} value={one}>
              {t(`sort.${one}`)}
            </option>
          ))}
        </select>
        <select className="select" aria-label={t("by.label")} value={search.by ?? ""} onChange={(event) => change({ by: BY.find((one) => one === event.target.value) })}>
          <option value="">{t("by.pair")}</option>
          {BY.map((one) => (
            <option key={one} value={one}>
              {t(`by.${one}`)}
            </option>
          ))}
        </select>
        <span className="spring" />
        {tab === "hidden" && (
          <Link to="/hide-rules" className={buttonClass()}>
            <EyeOff aria-hidden /> {t("hide.rules")}
          </Link>
        )}
        <Share moves={!isFrozen} frozen={frozen} />
        <IconButton label={t("common.refresh")} shortcut="r" onClick={refresh}>
          <RefreshCw aria-hidden />
        </IconButton>
        <IconButton label={t("common.exportCsv")} onClick={exportCsv} disabled={rows.length === 0}>
          <Download aria-hidden />
        </IconButton>
        <IconButton label={t("keys.title")} shortcut="?" onClick={() => setAsked({ kind: "help" })}>
          <CircleHelp aria-hidden />
        </IconButton>
      </div>
      <nav className="tabs__list inbox__tabs" aria-label={t("alerts.tabs")}>
        {TABS.map((one) => (
          <a
            key={one}
            href={router.buildLocation({ to: "/alerts", search: { ...search, ...tabSearch(one) } }).href}
            className="tabs__tab"
            aria-current={tab === one ? "page" : undefined}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              change(tabSearch(one));
            }}
          >
            {t(`status.${one}`)}
            <span className="tabs__count">{tabs.data ? number(tabs.data.tabs[one], i18n.language) : "…"}</span>
          </a>
        ))}
      </nav>
      {filtered && (
        <div className="chips" aria-label={t("alerts.filters")} role="group">
          {words.map((word, index) => (
            <Chip key={`${word}-${index}`} text={word} onRemove={() => change({ q: words.filter((_, other) => other !== index).join(" ") || undefined })} />
          ))}
          {search.severity?.map((level) => (
            <Chip key={level} text={t(`severity.${level}`)} onRemove={() => change({ severity: search.severity?.filter((one) => one !== level) })} />
          ))}
          {search.since && <Chip text={t(`since.${search.since}`)} onRemove={() => change({ since: undefined })} />}
          {isFrozen && <Chip text={`${search.from ? dateTime(search.from, zone) : "…"} – ${search.to ? dateTime(search.to, zone) : "…"}`} onRemove={() => change({ from: undefined, to: undefined })} />}
          <Button size="small" look="quiet" onClick={() => change({ q: undefined, severity: undefined, since: undefined, from: undefined, to: undefined })}>
            {t("common.clearFilters")}
          </Button>
          <span className="muted">{t("alerts.found", { count: total })}</span>
        </div>
      )}
      {fresh > 0 && (
        <button type="button" className="livebar" onClick={refresh}>
          <BellRing aria-hidden />
          <span role="status">{t("alerts.fresh", { count: fresh })}</span>
          {dropped > 0 && <span className="tag tag--warn">{t("alerts.dropped", { count: dropped })}</span>}
        </button>
      )}
      <BulkBar
        selected={matching ? total : selected.size}
        loaded={rows.length}
        total={total}
        closed={tab === "closed"}
        matching={matching}
        progress={bulk.progress}
        onStop={bulk.stop}
        onMatching={() => setMatching(true)}
        onClear={() => select(new Set())}
        onClose={() => ask({ kind: "close" })}
        onComment={() => ask({ kind: "comment" })}
        onCase={() => ask({ kind: "case" })}
        onAction={(action) => run(action, action === "assign" ? { owner: user.name } : {})}
      />
      {search.by ? (
        <RolledList search={search} onOpen={(word) => change({ by: undefined, q: [...words.filter((one) => one !== word), word].join(" ") })} />
      ) : list.isPending ? (
        <Loading rows={12} />
      ) : list.isLoadingError ? (
        <Failure error={list.error} retry={() => void list.refetch()} />
      ) : rows.length === 0 ? (
        <Empty title={t(filtered ? "alerts.noneMatch" : `alerts.none.${tab}`)} icon={filtered ? Search : CheckCheck}>
          <p>{t(filtered ? "alerts.noneMatchHint" : "alerts.noneHint")}</p>
        </Empty>
      ) : (
        <GroupList
          ref={listHandle}
          rows={rows}
          total={total}
          tab={tab}
          canAct={analyst}
          sort={search.sort ?? "risk"}
          ascending={search.order === "asc"}
          cursor={here?.id}
          selected={selected}
          more={list.hasNextPage}
          loadingMore={list.isFetchingNextPage}
          onMore={() => void list.fetchNextPage()}
          onSort={(sort) => change(sort === (search.sort ?? "risk") ? { order: search.order ? undefined : "asc" } : { sort: sort === "risk" ? undefined : sort, order: undefined })}
          onCursor={setCursor}
          menu={menu}
          onMenu={(id, shown) => {
            if (shown) setCursor(id);
            setMenu(shown);
          }}
          onAsk={(id, what) => {
            select(new Set());
            setCursor(id);
            if (what === "hide" || what === "case") setAsked({ kind: what });
            else if (what === "false_positive") setAsked({ kind: "close", verdict: "false_positive" });
            else if (what === "escalate_close") setAsked({ kind: "close", verdict: "true_positive", escalate: true });
            else setAsked({ kind: "comment" });
          }}
          onAssign={(id) => act.mutate({ ids: [id], action: "assign", owner: user.name })}
          onOpen={open}
          onToggle={toggle}
          onToggleAll={() => select(selected.size > 0 ? new Set() : new Set(rows.map((row) => row.id)))}
          onFilter={(word) => change({ q: [...words.filter((one) => one !== word), word].join(" ") })}
          onHunt={(q) => void navigate({ to: "/hunt", search: { q } })}
          onAct={(id, action) => {
            setCursor(id);
            const version = rows.find((row) => row.id === id)?.version;
            act.mutate({ ids: [id], versions: version === undefined ? undefined : [version], action });
          }}
          onClose={(id) => {
            select(new Set());
            setCursor(id);
            setAsked({ kind: "close" });
          }}
        />
      )}
      {asked?.kind === "help" && <HelpDialog onClose={() => setAsked(undefined)} />}
      {asked?.kind === "close" && (
        <CloseDialog
          count={matching ? total : targets.length}
          verdict={asked.verdict}
          escalate={asked.escalate}
          onClose={() => setAsked(undefined)}
          onDone={(verdict, reason, mute_days) => {
            setAsked(undefined);
            run(asked.escalate ? "escalate_close" : "close", { verdict, reason, mute_days });
          }}
        />
      )}
      {asked?.kind === "case" && (
        <CaseDialog
          groups={rows.filter((row) => targets.includes(row.id))}
          onClose={() => setAsked(undefined)}
          onDone={(made) => void navigate({ to: "/cases/$case", params: { case: String(made) } })}
        />
      )}
      {asked?.kind === "hide" && here && (
        <HideDialog
          group={here}
          onClose={() => setAsked(undefined)}
          onDone={(rule) => {
            setAsked(undefined);
            hide.mutate(rule, { onSuccess: refresh });
          }}
        />
      )}
      {asked?.kind === "comment" && (
        <CommentDialog
          count={matching ? total : targets.length}
          onClose={() => setAsked(undefined)}
          onDone={(comment) => {
            setAsked(undefined);
            run("comment", { comment });
          }}
        />
      )}
    </div>
  );
}
