/** Charts other than the bars over time: the page says what to draw, this draws it in the theme's colours. */
import { BarChart, GraphChart, HeatmapChart, LineChart, PieChart, SankeyChart, TreemapChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { use as register, type EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect } from "react";
import { shownTheme, usePrefs } from "@/lib/prefs";
import type { Colors } from "@/ui/chart-look";
import { useChart } from "@/ui/use-chart";

register([LabelLayout, BarChart, PieChart, SankeyChart, GraphChart, HeatmapChart, LineChart, TreemapChart, GridComponent, TooltipComponent, VisualMapComponent, AriaComponent, CanvasRenderer]);

export interface ChartProps {
  draw: (color: Colors) => EChartsCoreOption;
  /** What the chart shows, for those who do not see it. */
  label: string;
  height: number | string;
  /** The name of what was clicked. */
  onPick?: (name: string) => void;
}

function named(event: unknown): string | undefined {
  if (typeof event !== "object" || event === null) return undefined;
  if ("data" in event && typeof event.data === "object" && event.data !== null && "pick" in event.data && typeof event.data.pick === "string") return event.data.pick;
  return "name" in event && typeof event.name === "string" ? event.name : undefined;
}

export default function Chart({ draw, label, height, onPick }: ChartProps) {
  const { element, chart } = useChart("click", (_, event) => {
    const name = named(event);
    if (name) onPick?.(name);
  });
  const prefs = usePrefs();
  const theme = shownTheme();
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    const color: Colors = (token) => style.getPropertyValue(token).trim();
    chart.current?.setOption(
      {
        animation: false,
        textStyle: { fontFamily: color("--font"), color: color("--ink-2") },
        color: ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"].map(color),
        ...draw(color),
      },
      { notMerge: true },
    );
    // The library is told everything again when anything changes.
  }, [chart, draw, theme, prefs]);
  return <div ref={element} className="chart" role="img" aria-label={label} style={{ height }} />;
}
