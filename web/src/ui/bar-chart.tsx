/** Stacked bars over time. The chart library is loaded with the first chart. */
import { BarChart as Bars } from "echarts/charts";
import { AriaComponent, BrushComponent, GridComponent, TooltipComponent } from "echarts/components";
import { use as register } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect } from "react";
import { compact } from "@/lib/format";
import { shownTheme, usePrefs } from "@/lib/prefs";
import { tooltip } from "@/ui/chart-look";
import { useChart } from "@/ui/use-chart";

register([Bars, GridComponent, TooltipComponent, BrushComponent, AriaComponent, CanvasRenderer]);

export interface BarSeries {
  name: string;
  color: "--chart-alert" | "--chart-record";
  values: readonly number[];
}

interface BarChartProps {
  labels: readonly string[];
  series: readonly BarSeries[];
  /** What the chart shows, for those who do not see it. */
  label: string;
  height: number | string;
  onBrush?: (first: number, last: number) => void;
}

function isRange(value: unknown): value is { areas: { coordRange: [number, number] }[] } {
  return typeof value === "object" && value !== null && "areas" in value && Array.isArray(value.areas);
}

export default function BarChart({ labels, series, label, height, onBrush }: BarChartProps) {
  const { element, chart } = useChart("brushEnd", (made, event) => {
    if (!isRange(event)) return;
    const [first, last] = event.areas[0]?.coordRange ?? [];
    made.dispatchAction({ type: "brush", areas: [] });
    if (first !== undefined && last !== undefined) onBrush?.(first, last);
  });
  const prefs = usePrefs();
  const theme = shownTheme();
  useEffect(() => {
    const made = chart.current;
    if (!made) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    made.setOption(
      {
        animation: false,
        grid: { left: 8, right: 10, top: 10, bottom: 4, containLabel: true },
        textStyle: { fontFamily: style.getPropertyValue("--font") },
        tooltip: { ...tooltip(color), trigger: "axis", axisPointer: { type: "shadow" } },
        xAxis: {
          type: "category",
          data: [...labels],
          axisTick: { show: false },
          axisLine: { lineStyle: { color: color("--line") } },
          axisLabel: { color: color("--ink-3"), fontSize: 11, hideOverlap: true, alignMinLabel: "left", alignMaxLabel: "right" },
        },
        yAxis: {
          type: "value",
          minInterval: 1,
          splitNumber: 3,
          splitLine: { lineStyle: { color: color("--line"), opacity: 0.6 } },
          axisLabel: { color: color("--ink-3"), fontSize: 11, formatter: (value: number) => compact(value, prefs.language) },
        },
        brush: onBrush ? { xAxisIndex: 0, brushStyle: { color: "rgba(90,160,180,0.25)", borderColor: color("--accent") } } : undefined,
        toolbox: { show: false },
        series: series.map((one) => ({
          type: "bar",
          name: one.name,
          stack: "all",
          data: [...one.values],
          itemStyle: { color: color(one.color), borderRadius: 1 },
          barCategoryGap: "18%",
        })),
      },
      { notMerge: true },
    );
    if (onBrush) {
      made.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption: { brushType: "lineX", brushMode: "single" } });
    }
    // The library is told everything again when anything changes.
  }, [chart, labels, series, theme, prefs, onBrush]);
  return <div ref={element} className="chart" role="img" aria-label={label} style={{ height }} />;
}
