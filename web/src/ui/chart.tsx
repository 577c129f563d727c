/** Charts other than the bars over time: the page says what to draw, this draws it in the theme's colours. */
import { BarChart, GraphChart, HeatmapChart, LineChart, PieChart, SankeyChart, TreemapChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { init, use as register, type ECharts, type EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { shownTheme, usePrefs } from "@/lib/prefs";
import { markDrawn, type Colors } from "./chart-look";

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
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const picked = useRef(onPick);
  const prefs = usePrefs();
  const theme = shownTheme();
  useEffect(() => {
    picked.current = onPick;
  });
  useEffect(() => {
    if (!element.current) return;
    const made = init(element.current, undefined, { renderer: "canvas" });
    chart.current = made;
    markDrawn(made, element.current);
    made.on("click", (event: unknown) => {
      const name = named(event);
      if (name) picked.current?.(name);
    });
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, []);
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
  }, [draw, theme, prefs]);
  return <div ref={element} className="chart" role="img" aria-label={label} style={{ height }} />;
}
