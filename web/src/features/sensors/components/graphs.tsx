/** How a sensor has been: its heartbeats as lines. */
import { useQuery } from "@tanstack/react-query";
import { Activity } from "lucide-react";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { bytes, compact } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { figures, type Sensor } from "@/lib/sensor";
import { dayTime, instant } from "@/lib/time";
import { Empty, Failure, Loading } from "@/ui/basics";
import { tooltip, type Colors } from "@/ui/chart-look";
import { LazyChart } from "@/ui/lazy-chart";
import { historyQuery } from "../api";
import { rates, type Beat } from "../rates";

type Line = "packets" | "bits" | "dropped" | "memory";
const LINES: readonly Line[] = ["packets", "bits", "dropped", "memory"];

export function Graphs({ sensor, hours }: { sensor: Sensor; hours: number }) {
  const { t } = useTranslation();
  const history = useQuery(historyQuery(sensor.id, hours));
  if (history.isPending) return <Loading rows={4} />;
  if (history.isLoadingError) return <Failure small error={history.error} retry={() => void history.refetch()} />;
  const beats = history.data.map((beat): Beat => {
    // The description of the API leaves open what a heartbeat tells.
    const told = figures({ ...sensor, stats: beat.stats as Sensor["stats"] });
    return { at: instant(beat.at).getTime(), packets: told.packets, bytes: told.bytes, dropped: told.dropped, memory: told.memory };
  });
  if (beats.length < 2) return <Empty small title={t("sensors.noHistory")} icon={Activity} />;
  const points = rates(beats);
  return (
    <div className="ledger__graphs">
      {LINES.map((line) => (
        <Graph key={line} line={line} points={points} />
      ))}
    </div>
  );
}

function Graph({ line, points }: { line: Line; points: ReturnType<typeof rates> }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const draw = useCallback(
    (color: Colors) => {
      const text = (value: number) => (line === "memory" ? bytes(value, i18n.language) : compact(value, i18n.language));
      return {
        tooltip: { ...tooltip(color), trigger: "axis", valueFormatter: (value: unknown) => (typeof value === "number" ? text(value) : "–") },
        grid: { left: 8, right: 12, top: 10, bottom: 4, containLabel: true },
        xAxis: { type: "category", data: points.map((point) => dayTime(point.at, zone)), axisTick: { show: false }, axisLine: { lineStyle: { color: color("--line") } }, axisLabel: { color: color("--ink-3"), fontSize: 11, hideOverlap: true } },
        yAxis: { type: "value", splitNumber: 2, splitLine: { lineStyle: { color: color("--line"), opacity: 0.6 } }, axisLabel: { color: color("--ink-3"), fontSize: 11, formatter: text } },
        series: [{ type: "line", name: t(`sensors.graph.${line}`), data: points.map((point) => point[line] ?? null), showSymbol: points.length < 3, connectNulls: false, areaStyle: { opacity: 0.15 }, lineStyle: { width: 1.5 }, itemStyle: { color: color(line === "dropped" ? "--chart-alert" : "--chart-record") } }],
      };
    },
    [i18n.language, line, points, t, zone],
  );
  const known = points.map((point) => point[line]).filter((value) => value !== undefined);
  const most = Math.max(0, ...known);
  return (
    <section aria-label={t(`sensors.graph.${line}`)}>
      <h3>{t(`sensors.graph.${line}`)}</h3>
      <LazyChart draw={draw} height={120} label={t("sensors.graphLabel", { what: t(`sensors.graph.${line}`), most: line === "memory" ? bytes(most, i18n.language) : compact(most, i18n.language) })} />
    </section>
  );
}
