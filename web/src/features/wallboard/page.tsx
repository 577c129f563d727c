/** The screen on the wall: large, turning by itself, without anything to press. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { CircleCheck, X } from "lucide-react";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, body } from "@/lib/api";
import { techniqueName } from "@/lib/attack";
import { compact, number } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { usePrefs } from "@/lib/prefs";
import { SENSOR_STATES, sensorState } from "@/lib/sensor";
import { ago, clock, shortTime } from "@/lib/time";
import { Failure, Loading, Severity } from "@/ui/basics";
import { LazyBarChart } from "@/ui/lazy-chart";
import { SeverityTiles } from "@/ui/severity-tiles";
import { SensorStateTag } from "@/ui/sensor-state";
import "./wallboard.css";

const route = getRouteApi("/bare/wall");
const USUAL_SECONDS = 20;
const REFRESH_MS = 15_000;
const HOURS = 24;

// A wall has nobody before it: it asks again by itself, whatever anybody does.
const often = { refetchInterval: REFRESH_MS, refetchIntervalInBackground: true } as const;

const summaryQuery = queryOptions({
  queryKey: ["wall", "summary"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/groups/summary", { params: { query: { status: "new" } }, signal })),
  ...often,
});
const worstQuery = queryOptions({
  queryKey: ["wall", "worst"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/groups", { params: { query: { status: "new", sort: "risk", limit: 7 } }, signal })),
  ...often,
});
const hourlyQuery = queryOptions({
  queryKey: ["wall", "hourly"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/search/histogram", { params: { query: { q: "", class: "alert", from: `now-${HOURS}h`, to: "now", buckets: HOURS } }, signal })),
  ...often,
});
const sensorsQuery = queryOptions({
  queryKey: ["sensors", "list"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sensors", { signal })),
  ...often,
});
const topQuery = queryOptions({
  queryKey: ["wall", "top"],
  queryFn: ({ signal }) =>
    body(
      api.GET("/api/v1/search/tables", {
        params: { query: { q: "event_type:alert | groupby alert.metadata.mitre_technique_id | head 7 | groupby src_ip | head 7 | groupby dest_ip | head 7", from: `now-${HOURS}h`, to: "now" } },
        signal,
      }),
    ),
  ...often,
});

const PICTURES = ["alerts", "hourly", "sensors", "top"] as const;

export function WallPage() {
  const { t } = useTranslation();
  const { every = USUAL_SECONDS } = route.useSearch();
  const navigate = route.useNavigate();
  const [at, setAt] = useState(0);
  const [now, setNow] = useState(() => Date.now());
  const summary = useQuery(summaryQuery);
  const lost = summary.error instanceof ApiError && summary.error.status === 0;
  useEffect(() => {
    const turn = setInterval(() => setAt((before) => (before + 1) % PICTURES.length), every * 1_000);
    return () => clearInterval(turn);
  }, [every]);
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(tick);
  }, []);
  useEffect(() => {
    document.title = `${t("nav.wall")} – Mắt Lưới`;
  }, [t]);
  useKeys({ Escape: () => void navigate({ to: "/" }), ArrowRight: () => setAt((before) => (before + 1) % PICTURES.length), ArrowLeft: () => setAt((before) => (before + PICTURES.length - 1) % PICTURES.length) });
  const picture = PICTURES[at] ?? "alerts";
  return (
    <main className="wall" aria-label={t("nav.wall")}>
      <header className="wall__head">
        <h1>{t(`wall.${picture}`, { hours: HOURS })}</h1>
        {lost && (
          <strong className="wall__lost" role="alert">
            {t("nav.lost")}
          </strong>
        )}
        <time className="tabular">{clock(now)}</time>
        <Link to="/" className="wall__leave" aria-label={t("wall.leave")} title={t("wall.leave")}>
          <X aria-hidden />
        </Link>
      </header>
      <div className="wall__body">
        {picture === "alerts" && <Alerts />}
        {picture === "hourly" && <Hourly />}
        {picture === "sensors" && <Sensors />}
        {picture === "top" && <Top />}
      </div>
      <footer className="wall__foot" aria-hidden>
        {PICTURES.map((one) => (
          <span key={one} className={one === picture ? "is-on" : undefined} />
        ))}
      </footer>
    </main>
  );
}

function Alerts() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const summary = useQuery(summaryQuery);
  const worst = useQuery(worstQuery);
  return (
    <>
      <SeverityTiles summary={summary.data} />
      {worst.isPending ? (
        <Loading rows={6} />
      ) : worst.isLoadingError ? (
        <Failure error={worst.error} />
      ) : worst.data && worst.data.items.length > 0 ? (
        <ol className="wall__list">
          {worst.data.items.map((group) => (
            <li key={group.id}>
              <Severity level={group.severity} />
              <span className="cut">{(i18n.language === "en" ? group.title?.en : group.title?.vi) ?? group.signature}</span>
              <span className="mono cut muted">
                {group.source} → {group.destination}
              </span>
              <strong className="tabular">{compact(group.count, i18n.language)}</strong>
              <span className="tabular muted">{shortTime(group.last, undefined, zone)}</span>
            </li>
          ))}
        </ol>
      ) : (
        <Fine>{t("alerts.none.new")}</Fine>
      )}
    </>
  );
}

function Hourly() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const hourly = useQuery(hourlyQuery);
  const chart = useMemo(() => {
    const buckets = hourly.data?.buckets ?? [];
    return { labels: buckets.map(({ at }) => shortTime(at, undefined, zone)), series: [{ name: t("hunt.alerts"), color: "--chart-alert" as const, values: buckets.map(({ alerts }) => alerts) }] };
  }, [hourly.data, t, zone]);
  const values = chart.series[0]?.values ?? [];
  const total = values.reduce((sum, one) => sum + one, 0);
  if (hourly.isPending) return <Loading rows={8} />;
  if (hourly.isLoadingError) return <Failure error={hourly.error} />;
  return (
    <>
      <p className="wall__figure">
        <strong className="tabular">{number(total, i18n.language)}</strong> {t("hunt.alerts")}
      </p>
      <div className="wall__chart">
        <LazyBarChart
          labels={chart.labels}
          series={chart.series}
          height="100%"
          label={t("overview.hourlyLabel", { hours: HOURS, total: number(total, i18n.language), most: number(Math.max(0, ...values), i18n.language) })}
        />
      </div>
    </>
  );
}

function Sensors() {
  const { t, i18n } = useTranslation();
  const sensors = useQuery(sensorsQuery);
  if (sensors.isPending) return <Loading rows={8} />;
  if (sensors.isLoadingError) return <Failure error={sensors.error} />;
  const list = [...(sensors.data ?? [])].sort((a, b) => SENSOR_STATES.indexOf(sensorState(a)) - SENSOR_STATES.indexOf(sensorState(b)));
  const well = list.filter((sensor) => sensorState(sensor) === "ok").length;
  return (
    <>
      <p className="wall__figure">
        <strong className="tabular">
          {number(well, i18n.language)} / {number(list.length, i18n.language)}
        </strong>{" "}
        {t("wall.well")}
      </p>
      <ul className="wall__sensors">
        {list.slice(0, 40).map((sensor) => (
          <li key={sensor.id}>
            <SensorStateTag state={sensorState(sensor)} />
            <span className="cut">{sensor.name}</span>
            <span className="muted cut">{sensor.unit_name}</span>
            <span className="muted">{sensor.last_heartbeat ? ago(sensor.last_heartbeat, i18n.language) : t("sensors.never")}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Top() {
  const { t, i18n } = useTranslation();
  const top = useQuery(topQuery);
  if (top.isPending) return <Loading rows={8} />;
  if (top.isLoadingError) return <Failure error={top.error} />;
  const titles = ["wall.techniques", "attack.sources", "attack.destinations"] as const;
  return (
    <div className="wall__columns">
      {titles.map((title, at) => (
        <section key={title}>
          <h2>{t(title)}</h2>
          <ol>
            {top.data?.tables[at]?.rows.map((row) => (
              <li key={row.values[0]}>
                <span className={`cut ${at > 0 ? "mono" : ""}`}>{at === 0 ? `${row.values[0]} ${techniqueName(row.values[0] ?? "", i18n.language) ?? ""}` : row.values[0]}</span>
                <strong className="tabular">{compact(row.count, i18n.language)}</strong>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function Fine({ children }: { children: ReactNode }) {
  return (
    <p className="wall__fine">
      <CircleCheck aria-hidden /> {children}
    </p>
  );
}
