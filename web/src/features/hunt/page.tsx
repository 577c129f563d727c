/** Searching records: a query, a time range, what is common among the results, and the results. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Columns3, Download, Link2, Search } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/lib/api";
import { EVE, type EveRecord } from "@/lib/eve";
import { compact, number } from "@/lib/format";
import { textAt } from "@/lib/json";
import { useKeys } from "@/lib/keys";
import { usePrefs } from "@/lib/prefs";
import { condition, conditions, opposite, withCondition, withoutCondition } from "@/lib/query";
import { csv, save, stamped } from "@/lib/save";
import { clock, dayTime, instant, isRelative, moment } from "@/lib/time";
import { Button, Chip, Empty, Failure, Loading, Partial, Segmented } from "@/ui/basics";
import { LazyBarChart } from "@/ui/lazy-chart";
import { Menu, MenuCheck, MenuItem, MenuLabel } from "@/ui/menu";
import { TimeRange } from "@/ui/time-range";
import { toast } from "@/ui/toasts";
import { useCopy } from "@/ui/value";
import { facetsQuery, fieldsQuery, groupOf, histogramQuery, resultsQuery, sensorNamesQuery } from "./api";
import { Facets } from "./components/facets";
import { QueryBox } from "./components/query-box";
import { Results } from "./components/results";
import { USUAL_COLUMNS, USUAL_FROM, type HuntSearch } from "./route";
import "./hunt.css";

const route = getRouteApi("/signed-in/hunt");
const OFFERED = [
  EVE.type, EVE.severity, EVE.sensor, EVE.sourceAddress, EVE.sourcePort, EVE.destinationAddress, EVE.destinationPort, EVE.transport, EVE.application,
  EVE.signature, EVE.signatureId, EVE.flow, EVE.community,
  "dns.queries.rrname", "http.hostname", "http.url", "http.status", "tls.sni", "flow.bytes_toserver", "flow.bytes_toclient", "flow.state",
] as const;

export function HuntPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { zone } = usePrefs();
  const copy = useCopy();
  const box = useRef<HTMLInputElement>(null);
  const results = useInfiniteQuery(resultsQuery(search));
  const wrong = results.error instanceof ApiError && results.error.status === 400;
  const histogram = useQuery({ ...histogramQuery(search), enabled: !wrong });
  const facets = useQuery({ ...facetsQuery(search), enabled: !wrong });
  const fields = useQuery(fieldsQuery);
  const sensors = useQuery(sensorNamesQuery);
  const from = search.from ?? USUAL_FROM;
  const to = search.to ?? "now";
  const query = search.q ?? "";
  const columns = useMemo(() => search.cols ?? [...USUAL_COLUMNS], [search.cols]);
  const rows = useMemo(() => results.data?.pages.flatMap((page) => page.items) ?? [], [results.data]);
  const first = results.data?.pages[0];

  const change = useCallback(
    (part: Partial<HuntSearch>, replace = false) => void navigate({ search: (before) => ({ ...before, open: undefined, ...part }), replace }),
    [navigate],
  );
  const pick = useCallback(
    (field: string, value: string, mode: "include" | "exclude") => change({ q: withCondition(query, field, value, mode) }),
    [change, query],
  );
  const only = useCallback((field: string, value: string) => change({ q: condition(field, value) }), [change]);
  const column = useCallback(
    (field: string) => {
      const after = columns.includes(field) ? columns.filter((one) => one !== field) : [...columns, field];
      change({ cols: after.length > 0 ? after : undefined, open: search.open }, true);
    },
    [change, columns, search.open],
  );
  const labels = useMemo(() => new Map(fields.data?.map((field) => [field.name, i18n.language === "en" ? field.label_en : field.label_vi])), [fields.data, i18n.language]);
  const labelOf = useCallback((field: string) => labels.get(field) ?? field, [labels]);
  const names = useMemo(() => new Map(sensors.data?.map((sensor) => [sensor.id, sensor.name])), [sensors.data]);
  const nameOf = useCallback((field: string, value: string) => (field === EVE.sensor ? (names.get(value) ?? value) : value), [names]);
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

  const link = (frozen: boolean) => {
    const address = new URL(location.href);
    if (frozen) {
      address.searchParams.set("from", new Date(moment(from) ?? Date.now()).toISOString());
      address.searchParams.set("to", new Date(moment(to) ?? Date.now()).toISOString());
    }
    copy(address.href);
  };
  const exportAs = (kind: "csv" | "ndjson") => {
    const name = stamped("matluoi-hunt");
    if (kind === "ndjson") save(`${name}.ndjson`, "application/x-ndjson", rows.map((row) => JSON.stringify(row)).join("\n") + "\n");
    else {
      const header = [EVE.time, ...columns];
      save(`${name}.csv`, "text/csv", csv(header, rows.map((row) => header.map((field) => textAt(row, field)))));
    }
    toast({ text: t("common.exported", { count: rows.length }) });
  };

  useKeys({ "/": () => box.current?.focus(), r: () => void results.refetch() });
  useEffect(() => {
    document.title = `${t("nav.hunt")} – Mắt Lưới`;
  }, [t]);

  const parts = conditions(query);
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
        <Menu align="end" label={t("hunt.share")} trigger={<Button><Link2 aria-hidden /> {t("hunt.share")}</Button>}>
          <MenuItem onSelect={() => link(false)} disabled={!isRelative(from) && !isRelative(to)}>{t("hunt.linkNow")}</MenuItem>
          <MenuItem onSelect={() => link(true)}>{t("hunt.linkFrozen")}</MenuItem>
        </Menu>
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
      {query !== "" && parts !== null && parts.length > 0 && !wrong && (
        <div className="chips" role="group" aria-label={t("hunt.conditions")}>
          {parts.map((part, index) => (
            <Chip
              key={`${part}-${index}`}
              text={part}
              negated={part.startsWith("-") || part.startsWith("NOT ")}
              onTurn={() => change({ q: parts.map((one, other) => (other === index ? opposite(one) : one)).join(" ") })}
              onRemove={() => change({ q: withoutCondition(query, part) || undefined })}
            />
          ))}
          <Button size="small" look="quiet" onClick={() => change({ q: undefined })}>
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
            <Facets facets={facets} labelOf={labelOf} nameOf={nameOf} onPick={pick} />
          </aside>
          <div className="hunt__main">
            <section className="card hunt__chart" aria-label={t("hunt.histogram")}>
              {histogram.isLoadingError ? (
                <Failure small error={histogram.error} retry={() => void histogram.refetch()} />
              ) : histogram.isPending ? (
                <Loading rows={3} />
              ) : (
                <LazyBarChart
                  labels={chart.labels}
                  series={chart.series}
                  height={112}
                  onBrush={brush}
                  label={t("hunt.histogramLabel", { total: number(first?.total ?? 0, i18n.language), alerts: number(alerts, i18n.language) })}
                />
              )}
            </section>
            <section className="card hunt__results" aria-label={t("hunt.results")} aria-busy={results.isFetching}>
              <div className="card__head">
                <span role="status" className="tabular">
                  {first && !results.isPlaceholderData
                    ? t(first.exact ? "hunt.total" : "hunt.totalAtLeast", { count: first.total, total: compact(first.total, i18n.language), ms: number(first.milliseconds, i18n.language) })
                    : t("common.loading")}
                </span>
                <div className="hunt__tools">
                  <select className="select" aria-label={t("hunt.order")} value={search.sort ?? "newest"} onChange={(event) => change({ sort: event.target.value === "oldest" ? "oldest" : undefined })}>
                    <option value="newest">{t("hunt.newest")}</option>
                    <option value="oldest">{t("hunt.oldest")}</option>
                  </select>
                  <Menu align="end" label={t("hunt.columns")} trigger={<Button><Columns3 aria-hidden /> {t("hunt.columns")}</Button>}>
                    <div className="hunt__columns">
                      {[...new Set([...OFFERED, ...columns])].map((field) => (
                        <MenuCheck key={field} checked={columns.includes(field)} onChange={() => column(field)}>
                          {labelOf(field)}
                        </MenuCheck>
                      ))}
                    </div>
                  </Menu>
                  <Menu align="end" label={t("common.export")} trigger={<Button disabled={rows.length === 0}><Download aria-hidden /> {t("common.export")}</Button>}>
                    <MenuLabel>{t("hunt.exportLoaded", { count: rows.length })}</MenuLabel>
                    <MenuItem onSelect={() => exportAs("csv")}>CSV</MenuItem>
                    <MenuItem onSelect={() => exportAs("ndjson")}>NDJSON</MenuItem>
                  </Menu>
                </div>
              </div>
              {first?.partial && <Partial>{t("hunt.partial")}</Partial>}
              {results.isPending ? (
                <Loading rows={10} />
              ) : results.isLoadingError ? (
                <Failure error={results.error} retry={() => void results.refetch()} />
              ) : rows.length === 0 ? (
                <Empty title={t("hunt.none")} icon={Search}>
                  <p>{t("hunt.noneHint")}</p>
                  {from !== "now-30d" && <Button onClick={() => change({ from: "now-30d", to: undefined })}>{t("hunt.widen")}</Button>}
                </Empty>
              ) : (
                // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
                <div className="scroll" tabIndex={0} role="region" aria-label={t("hunt.results")}>
                  <Results
                    rows={rows}
                    columns={columns}
                    opened={search.open}
                    labelOf={labelOf}
                    nameOf={nameOf}
                    onOpen={(id) => change({ open: id }, true)}
                    onPick={pick}
                    onOnly={only}
                    onColumn={column}
                    onGroup={openGroup}
                  />
                  {results.hasNextPage && (
                    <div className="hunt__more">
                      <Button onClick={() => void results.fetchNextPage()} disabled={results.isFetchingNextPage}>
                        {results.isFetchingNextPage ? t("common.loading") : t("hunt.more", { count: rows.length, total: number(first?.total ?? 0, i18n.language) })}
                      </Button>
                    </div>
                  )}
                </div>
              )}
            </section>
          </div>
        </div>
      )}
    </div>
  );
}
