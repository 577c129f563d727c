/** Searching records: a query, a time range, what is common among the results, and the results. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, Columns3, Eye, EyeOff, OctagonX, RadioTower, Search, SquareArrowOutUpRight } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/lib/api";
import { EVE, type EveRecord } from "@/lib/eve";
import { compact, number } from "@/lib/format";
import { textAt } from "@/lib/json";
import { useKeys } from "@/lib/keys";
import { pivotOf } from "@/lib/pivot";
import { usePrefs } from "@/lib/prefs";
import { condition, conditions, joined, opposite, pipes, withCondition, withoutCondition, withoutTable, withTable, withView } from "@/lib/query";
import { sensorNamesQuery } from "@/lib/sensor-names";
import { clock, dayTime, instant, moment } from "@/lib/time";
import { Button, Chip, Empty, Failure, IconButton, Loading, Partial, Segmented } from "@/ui/basics";
import { LazyBarChart } from "@/ui/lazy-chart";
import { Menu, MenuCheck, MenuItem } from "@/ui/menu";
import { TimeRange } from "@/ui/time-range";
import { toast } from "@/ui/toasts";
import { columnsQuery, facetsQuery, fieldsQuery, groupOf, hintsQuery, histogramQuery, remoteEventsQuery, remoteHuntQuery, resultsQuery, tablesQuery, useKeepColumns } from "./api";
import { Archived } from "./components/archived";
import { Exports } from "./components/exports";
import { Facets } from "./components/facets";
import { GroupTable } from "./components/group-table";
import { QueryBox, Suggestion, type Focusable } from "./components/query-box";
import { Remote, RemoteProgress } from "./components/remote";
import { Results } from "./components/results";
import { Saved } from "./components/saved";
import { merged } from "./merge";
import { isUnfiltered, USUAL_COLUMNS, USUAL_FROM, type HuntSearch } from "./route";
import "./hunt.css";

const route = getRouteApi("/signed-in/hunt");
/** What a hunt on sensors depends on. */
const ASKED = ["q", "from", "to", "class"] as const;
const OFFERED = [
  EVE.type, EVE.severity, EVE.sensor, EVE.sourceAddress, EVE.sourcePort, EVE.destinationAddress, EVE.destinationPort, EVE.transport, EVE.application,
  EVE.signature, EVE.signatureId, EVE.flow, EVE.community,
  "dns.queries.rrname", "http.hostname", "http.url", "http.status", "tls.sni", "flow.bytes_toserver", "flow.bytes_toclient", "flow.state",
] as const;

export function HuntPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const go = useNavigate();
  const queries = useQueryClient();
  const { zone } = usePrefs();
  const box = useRef<Focusable>(null);
  const results = useInfiniteQuery(resultsQuery(search));
  const wrong = results.error instanceof ApiError && results.error.status === 400;
  const histogram = useQuery({ ...histogramQuery(search), enabled: !wrong });
  const facets = useQuery({ ...facetsQuery(search), enabled: !wrong });
  const tables = useQuery({ ...tablesQuery(search), ...(wrong ? { enabled: false } : {}) });
  const chosen = useQuery(columnsQuery);
  const keepColumns = useKeepColumns();
  const fields = useQuery(fieldsQuery);
  const sensors = useQuery(sensorNamesQuery);
  const from = search.from ?? USUAL_FROM;
  const to = search.to ?? "now";
  const query = search.q ?? "";
  const asked = results.data?.pages[0]?.columns;
  const columns = useMemo(
    () => (asked && asked.length > 0 ? asked : (search.cols ?? chosen.data ?? [...USUAL_COLUMNS])),
    [asked, chosen.data, search.cols],
  );
  const hunted = useQuery({ ...remoteHuntQuery(search.remote ?? 0), enabled: search.remote !== undefined });
  const kept = useQuery({ ...remoteEventsQuery(search.remote ?? 0, hunted.data?.found ?? 0), enabled: search.remote !== undefined && (hunted.data?.found ?? 0) > 0 });
  const remote = search.remote === undefined ? undefined : kept.data;
  const fromSensors = search.remote === undefined ? 0 : (hunted.data?.found ?? 0);
  const rows = useMemo(
    () => merged(results.data?.pages.flatMap((page) => page.items) ?? [], remote ?? [], { more: results.hasNextPage, oldest: search.sort === "oldest" }),
    [remote, results.data, results.hasNextPage, search.sort],
  );
  const recalled = useMemo(() => new Set(results.data?.pages.flatMap((page) => [...page.recalled])), [results.data]);
  const first = results.data?.pages[0];
  const hints = useQuery({ ...hintsQuery(query), enabled: query !== "" && first?.total === 0 });

  const change = useCallback(
    (part: Partial<HuntSearch>, replace = false) =>
      void navigate({
        search: (before) => ({
          ...before,
          open: undefined,
          // Another question has other answers.
          ...(ASKED.some((key) => key in part) ? { remote: undefined } : {}),
          ...part,
        }),
        replace,
      }),
    [navigate],
  );
  const pick = useCallback(
    (field: string, value: string, mode: "include" | "exclude") => change({ q: withCondition(query, field, value, mode) }),
    [change, query],
  );
  const only = useCallback((field: string, value: string) => change({ q: joined({ query: condition(field, value), commands: pipes(query).commands }) }), [change, query]);
  const pickAll = useCallback(
    (pairs: readonly (readonly [string, string])[], mode: "include" | "exclude") => change({ q: pairs.reduce((text, [field, value]) => withCondition(text, field, value, mode), query) }),
    [change, query],
  );
  const groupBy = useCallback((field: string) => change({ q: withTable(query, [field]) }), [change, query]);
  const setColumns = useCallback(
    (after: string[]) => {
      if (after.length === 0) return;
      keepColumns(after);
      change({ cols: after, open: search.open }, true);
    },
    [change, keepColumns, search.open],
  );
  const pivot = useCallback(
    (field: string, value: string) => {
      const page = pivotOf(field, value);
      if (!page) return null;
      return (
        <MenuItem icon={SquareArrowOutUpRight} onSelect={() => void go({ to: "/about/$kind/$value", params: { kind: page, value } })}>
          {t(`pivot.open.${page}`)}
        </MenuItem>
      );
    },
    [go, t],
  );
  const openFlow = useCallback((record: EveRecord) => void go({ to: "/about/$kind/$value", params: { kind: "flows", value: textAt(record, EVE.flow) ?? "" } }), [go]);
  const fetchMore = results.fetchNextPage;
  const isFetchingMore = results.isFetchingNextPage;
  const more = useCallback(() => {
    if (!isFetchingMore) void fetchMore();
  }, [fetchMore, isFetchingMore]);
  const cancel = () => void queries.cancelQueries({ queryKey: ["search"] });
  const labels = useMemo(() => new Map(fields.data?.map((field) => [field.name, i18n.language === "en" ? field.label_en : field.label_vi])), [fields.data, i18n.language]);
  const labelOf = useCallback((field: string) => labels.get(field) ?? field, [labels]);
  const names = sensors.data;
  const nameOf = useCallback((field: string, value: string) => (field === EVE.sensor ? (names?.get(value) ?? value) : value), [names]);
  const openGroup = useCallback(
    (record: EveRecord) => {
      const parts = [EVE.signatureId, EVE.sourceAddress, EVE.destinationAddress].map((path) => textAt(record, path) ?? "");
      groupOf(parts[0] ?? "", parts[1] ?? "", parts[2] ?? "").then(
        (group) => {
          if (group === undefined) toast({ text: t("hunt.noGroup"), bad: true });
          else void navigate({ to: "/alerts/$group", params: { group: String(group) }, search: { event: textAt(record, EVE.id) } });
        },
        () => toast({ text: t("hunt.noGroup"), bad: true }),
      );
    },
    [navigate, t],
  );

  const buckets = histogram.data?.buckets;
  const interval = (histogram.data?.interval_seconds ?? 60) * 1_000;
  const chart = useMemo(
    () => ({
      labels: (buckets ?? []).map(({ at }) => (interval < 60_000 ? clock(at, zone) : dayTime(at, zone))),
      series: [
        { name: t("hunt.records"), color: "--chart-record" as const, values: (buckets ?? []).map(({ records }) => records) },
        { name: t("hunt.alerts"), color: "--chart-alert" as const, values: (buckets ?? []).map(({ alerts }) => alerts) },
      ],
    }),
    [buckets, interval, t, zone],
  );
  const brush = useCallback(
    (begin: number, end: number) => {
      const start = buckets?.[begin];
      const stop = buckets?.[end];
      if (!start || !stop) return;
      change({ from: start.at, to: new Date(instant(stop.at).getTime() + interval).toISOString() });
    },
    [buckets, change, interval],
  );

  /** One window earlier or later. */
  const step = (direction: 1 | -1) => {
    const now = Date.now();
    const [begin, end] = [moment(from, now) ?? now, moment(to, now) ?? now];
    const by = direction * (end - begin);
    change({ from: new Date(begin + by).toISOString(), to: new Date(end + by).toISOString() });
  };
  const fetching = results.isFetching || tables.isFetching || facets.isFetching || histogram.isFetching;
  useKeys({ "/": () => box.current?.focus(), r: () => void results.refetch(), ...(fetching ? { Escape: cancel } : {}), "[": () => step(-1), "]": () => step(1) });
  useEffect(() => {
    document.title = `${t("nav.hunt")} – Mắt Lưới`;
  }, [t]);

  const { query: plain, commands } = pipes(query);
  const parts = plain === "*" ? [] : conditions(plain);
  const alerts = buckets?.reduce((sum, bucket) => sum + bucket.alerts, 0) ?? 0;
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.hunt")}</h1>
        <Segmented
          legend={t("hunt.class")}
          value={search.class ?? "all"}
          options={(["all", "alert", "record"] as const).map((value) => ({ value, label: t(`hunt.classes.${value}`) }))}
          onChange={(value) => change({ class: value === "all" ? undefined : value })}
        />
        <span className="spring" />
        <TimeRange from={from} to={to} onChange={(begin, end) => change({ from: begin === USUAL_FROM && end === "now" ? undefined : begin, to: end === "now" ? undefined : end })} />
        <Saved search={search} columns={columns} onOpen={(to) => void navigate({ search: to })} />
      </div>
      <QueryBox
        ref={box}
        search={search}
        error={results.error}
        onRun={(q) => {
          if (q === query) void results.refetch();
          else change({ q: q || undefined });
        }}
      />
      {first?.total === 0 && hints.data?.hints[0] && (
        <div className="chips">
          <Suggestion query={query.replace(hints.data.hints[0].written, hints.data.hints[0].meant)} text={t("hunt.didYouMean")} onTake={(q) => change({ q })} />
        </div>
      )}
      {plain !== "" && parts !== null && parts.length > 0 && !wrong && (
        <div className="chips" role="group" aria-label={t("hunt.conditions")}>
          {parts.map((part, index) => (
            <Chip
              key={`${part}-${index}`}
              text={part}
              negated={part.startsWith("-") || part.startsWith("NOT ")}
              onTurn={() => change({ q: joined({ query: parts.map((one, other) => (other === index ? opposite(one) : one)).join(" "), commands }) })}
              onRemove={() => change({ q: withoutCondition(query, part) || undefined })}
            />
          ))}
          <Button size="small" look="quiet" onClick={() => change({ q: joined({ query: "", commands }) || undefined })}>
            {t("common.clearFilters")}
          </Button>
        </div>
      )}
      {wrong ? (
        <Empty title={t("hunt.wrongQuery")}>
          <p>{t("hunt.wrongQueryHint")}</p>
        </Empty>
      ) : (
        <div className="hunt">
          <aside className="card hunt__facets" aria-label={t("hunt.facets")}>
            <Facets
              facets={facets}
              rare={search.rare === true}
              labelOf={labelOf}
              nameOf={nameOf}
              onRare={(rare) => change({ rare: rare ? true : undefined }, true)}
              onPick={pick}
              onGroupBy={groupBy}
            />
          </aside>
          <div className="hunt__main">
            <section className="card hunt__chart" aria-label={t("hunt.histogram")}>
              {histogram.isLoadingError ? (
                <Failure small error={histogram.error} retry={() => void histogram.refetch()} />
              ) : histogram.isPending ? (
                <Loading rows={3} />
              ) : (
                <div className="hunt__steps">
                  <IconButton look="quiet" size="small" label={t("range.earlier")} shortcut="[" onClick={() => step(-1)}>
                    <ChevronLeft aria-hidden />
                  </IconButton>
                  <LazyBarChart
                    labels={chart.labels}
                    series={chart.series}
                    height={104}
                    onBrush={brush}
                    label={t("hunt.histogramLabel", { total: number(first?.total ?? 0, i18n.language), alerts: number(alerts, i18n.language) })}
                  />
                  <IconButton look="quiet" size="small" label={t("range.later")} shortcut="]" onClick={() => step(1)}>
                    <ChevronRight aria-hidden />
                  </IconButton>
                </div>
              )}
            </section>
            {tables.isLoadingError && !wrong && <Failure small error={tables.error} retry={() => void tables.refetch()} />}
            {tables.data && tablesQuery(search).enabled && (
              <div className="hunt__tables">
                {tables.data.partial && <Partial>{t("hunt.partialTables")}</Partial>}
                {tables.data.tables.map((table, at) => (
                  <GroupTable
                    key={`${at} ${table.fields.join(" ")}`}
                    table={table}
                    partial={tables.data.partial}
                    labelOf={labelOf}
                    nameOf={nameOf}
                    onView={(view) => change({ q: withView(query, at, view) }, true)}
                    onClose={() => change({ q: withoutTable(query, at) || undefined })}
                    onPick={pickAll}
                    onOnly={only}
                  />
                ))}
              </div>
            )}
            <section className="card hunt__results" aria-label={t("hunt.results")} aria-busy={results.isFetching}>
              <div className="card__head">
                <span role="status" className="tabular">
                  {first && !results.isPlaceholderData
                    ? t(first.exact ? "hunt.total" : "hunt.totalAtLeast", { count: first.total, total: compact(first.total, i18n.language), ms: number(first.milliseconds, i18n.language) })
                    : t(results.isError ? "common.failed" : "common.loading")}
                  {fromSensors > 0 && ` · ${t("remote.beside", { count: fromSensors })}`}
                </span>
                {first?.partial && <span className="tag tag--warn">{t("hunt.partialTag")}</span>}
                {isUnfiltered(search) && (
                  <button type="button" className="chip hunt__canary" aria-pressed={search.canary === true} title={t("hunt.canaryHint")} onClick={() => change({ canary: search.canary ? undefined : true })}>
                    {search.canary ? <Eye aria-hidden /> : <EyeOff aria-hidden />} {t("hunt.canary")}
                  </button>
                )}
                <div className="hunt__tools">
                  {fetching && (
                    <Button onClick={cancel}>
                      <OctagonX aria-hidden /> {t("hunt.cancel")}
                    </Button>
                  )}
                  <select className="select" aria-label={t("hunt.order")} value={search.sort ?? "newest"} onChange={(event) => change({ sort: event.target.value === "oldest" ? "oldest" : undefined })}>
                    <option value="newest">{t("hunt.newest")}</option>
                    <option value="oldest">{t("hunt.oldest")}</option>
                  </select>
                  <Menu align="end" label={t("hunt.columns")} trigger={<Button><Columns3 aria-hidden /> {t("hunt.columns")}</Button>}>
                    <div className="hunt__columns">
                      {[...new Set([...OFFERED, ...columns])].map((field) => (
                        <MenuCheck key={field} checked={columns.includes(field)} onChange={() => setColumns(columns.includes(field) ? columns.filter((one) => one !== field) : [...columns, field])}>
                          {labelOf(field)}
                        </MenuCheck>
                      ))}
                    </div>
                  </Menu>
                  <Remote search={search} onHunt={(id) => change({ remote: id })} />
                  <Exports search={search} columns={columns} total={(first?.total ?? 0) + fromSensors} />
                </div>
              </div>
              {first?.partial && <Partial>{t("hunt.partial")}</Partial>}
              {first?.archived && <Archived archived={first.archived} kind={search.class} again={() => void queries.invalidateQueries({ queryKey: ["search"] })} />}
              {search.remote !== undefined && <RemoteProgress id={search.remote} onClose={() => change({ remote: undefined })} />}
              {results.isPending && results.fetchStatus === "idle" ? (
                <Empty title={t("hunt.cancelled")} icon={OctagonX}>
                  <Button onClick={() => void results.refetch()}>{t("common.retry")}</Button>
                </Empty>
              ) : results.isPending ? (
                <Loading rows={10} />
              ) : results.isLoadingError ? (
                <Failure error={results.error} retry={() => void results.refetch()} />
              ) : rows.length === 0 && hunted.data?.open ? (
                <Empty title={t("remote.none")} icon={RadioTower}>
                  <p>{t("remote.noneHint")}</p>
                </Empty>
              ) : rows.length === 0 ? (
                <Empty title={t("hunt.none")} icon={Search}>
                  <p>{t("hunt.noneHint")}</p>
                  {from !== "now-30d" && <Button onClick={() => change({ from: "now-30d", to: undefined })}>{t("hunt.widen")}</Button>}
                </Empty>
              ) : (
                <Results
                  rows={rows}
                  recalled={recalled}
                  columns={columns}
                  opened={search.open}
                  hasMore={results.hasNextPage}
                  labelOf={labelOf}
                  nameOf={nameOf}
                  pivot={pivot}
                  onOpen={(id) => change({ open: id }, true)}
                  onMore={more}
                  onPick={pick}
                  onOnly={only}
                  onGroupBy={groupBy}
                  onColumns={setColumns}
                  onGroup={openGroup}
                  onFlow={openFlow}
                />
              )}
            </section>
          </div>
        </div>
      )}
    </div>
  );
}
