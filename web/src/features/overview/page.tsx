/** What matters now: what is new, what is worst, how the day goes, and which sensors do not see. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CheckCheck, CircleCheck, Radar } from "lucide-react";
import { useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { compact, number } from "@/lib/format";
import { usePolling } from "@/lib/presence";
import { usePrefs } from "@/lib/prefs";
import { sensorState } from "@/lib/sensor";
import { ago, clock, dateTime, shortTime } from "@/lib/time";
import { Card, Empty, Failure, Fine, Loading, Severity, Spark } from "@/ui/basics";
import { LazyBarChart } from "@/ui/lazy-chart";
import { SensorStateTag } from "@/ui/sensor-state";
import { SeverityTiles } from "@/ui/severity-tiles";
import { HOURS, hourlyQuery, newSummaryQuery, sensorsQuery, worstQuery } from "./api";
import { Changes } from "./components/changes";
import { Heat } from "./components/heat";
import { UnitMap } from "./components/unit-map";
import "./overview.css";

const POLL_MS = 30_000;

export function OverviewPage() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { dataUpdatedAt } = useQuery(newSummaryQuery);
  usePolling(() => {
    for (const { queryKey } of [newSummaryQuery, worstQuery, hourlyQuery, sensorsQuery]) void queries.refetchQueries({ queryKey, exact: true });
  }, POLL_MS);
  useEffect(() => {
    document.title = `${t("nav.overview")} – Mắt Lưới`;
  }, [t]);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.overview")}</h1>
        {dataUpdatedAt > 0 && <span className="muted">{t("overview.asOf", { time: clock(dataUpdatedAt) })}</span>}
      </div>
      <div className="page__body overview">
        <NewAlerts />
        <div className="overview__side">
          <Worst />
          <Changes />
          <Heat />
        </div>
        <div className="overview__side">
          <Hourly />
          <Trouble />
          <UnitMap />
        </div>
      </div>
    </div>
  );
}

function NewAlerts() {
  const summary = useQuery(newSummaryQuery);
  if (!summary.data)
    return <div className="overview__wide">{summary.isPending ? <Loading rows={2} /> : <Failure small error={summary.error} retry={() => void summary.refetch()} />}</div>;
  return <SeverityTiles summary={summary.data} linked />;
}

function Worst() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const worst = useQuery(worstQuery);
  return (
    <Card title={t("overview.worst")} aside={<Link to="/alerts">{t("overview.all")}</Link>} bare className="overview__worst">
      {worst.isPending ? (
        <Loading rows={8} />
      ) : worst.isLoadingError ? (
        <Failure small error={worst.error} retry={() => void worst.refetch()} />
      ) : worst.data.items.length === 0 ? (
        <Empty title={t("alerts.none.new")} icon={CheckCheck} />
      ) : (
        <ul className="worst">
          {worst.data.items.map((group) => {
            const title = group.title ? (i18n.language === "en" ? group.title.en : group.title.vi) : group.signature;
            return (
              <li key={group.id}>
                <Severity level={group.severity} />
                <div className="worst__what">
                  <Link to="/alerts/$group" params={{ group: String(group.id) }} className="cut" title={title}>
                    {title}
                  </Link>
                  <span className="mono muted cut">
                    {group.source} → {group.destination}
                  </span>
                </div>
                <div className="worst__count">
                  <strong className="tabular">{compact(group.count, i18n.language)}</strong>
                  <Spark counts={group.spark} label={t("alerts.spark", { count: group.spark.reduce((sum, one) => sum + one, 0) })} />
                </div>
                <span className="muted tabular nowrap" title={dateTime(group.last, zone)}>
                  {shortTime(group.last, undefined, zone)}
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}

function Hourly() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const hourly = useQuery(hourlyQuery);
  const chart = useMemo(() => {
    const buckets = hourly.data?.buckets ?? [];
    return {
      labels: buckets.map(({ at }) => shortTime(at, undefined, zone)),
      series: [{ name: t("hunt.alerts"), color: "--chart-alert" as const, values: buckets.map(({ alerts }) => alerts) }],
      total: buckets.reduce((sum, { alerts }) => sum + alerts, 0),
      most: Math.max(0, ...buckets.map(({ alerts }) => alerts)),
    };
  }, [hourly.data, t, zone]);
  return (
    <Card title={t("overview.hourly", { hours: HOURS })} aside={hourly.data && <span className="muted tabular">{t("overview.alerts", { count: chart.total, total: number(chart.total, i18n.language) })}</span>}>
      {hourly.isPending ? (
        <Loading rows={4} />
      ) : hourly.isLoadingError ? (
        <Failure small error={hourly.error} retry={() => void hourly.refetch()} />
      ) : chart.total === 0 ? (
        <Empty small title={t("overview.quiet")} icon={CircleCheck} />
      ) : (
        <LazyBarChart
          labels={chart.labels}
          series={chart.series}
          height={190}
          label={t("overview.hourlyLabel", { hours: HOURS, total: number(chart.total, i18n.language), most: number(chart.most, i18n.language) })}
        />
      )}
    </Card>
  );
}

function Trouble() {
  const { t, i18n } = useTranslation();
  const sensors = useQuery(sensorsQuery);
  const list = sensors.data ?? [];
  const trouble = list.filter((sensor) => sensorState(sensor) !== "ok");
  return (
    <Card title={t("overview.sensors")} aside={sensors.data && <Link to="/sensors">{t("overview.allSensors", { count: list.length })}</Link>} bare>
      {sensors.isPending ? (
        <Loading rows={3} />
      ) : sensors.isLoadingError ? (
        <Failure small error={sensors.error} retry={() => void sensors.refetch()} />
      ) : list.length === 0 ? (
        <Empty small title={t("sensors.none")} icon={Radar}>
          <Link to="/sensors">{t("overview.enrolFirst")}</Link>
        </Empty>
      ) : trouble.length === 0 ? (
        <Fine>{t("overview.allWell", { count: list.length })}</Fine>
      ) : (
        <ul className="trouble">
          {trouble.map((sensor) => (
            <li key={sensor.id}>
              <SensorStateTag state={sensorState(sensor)} />
              <Link to="/sensors" search={{ sensor: sensor.id }} className="cut">
                {sensor.name}
              </Link>
              <span className="muted cut">{sensor.unit_name}</span>
              <span className="muted nowrap">{sensor.last_heartbeat ? ago(sensor.last_heartbeat, i18n.language) : t("sensors.never")}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
