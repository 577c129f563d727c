/** Hosts and who talked with whom. What it shows stands beside it as a table, for those who do not see it. */
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { number } from "@/lib/format";
import { shortAddress } from "@/lib/text";
import { tooltip, type Colors } from "@/ui/chart-look";
import { LazyChart } from "@/ui/lazy-chart";

interface HostGraphProps {
  graph: Schemas["Graph"];
  /** The host in the middle. */
  centre?: string;
  height: number | string;
  onPick: (address: string) => void;
}

export function HostGraph({ graph, centre, height, onPick }: HostGraphProps) {
  const { t, i18n } = useTranslation();
  const draw = useCallback(
    (color: Colors) => {
      const most = Math.max(1, ...graph.nodes.map((node) => node.count));
      const heaviest = Math.max(1, ...graph.edges.map((edge) => edge.count));
      return {
        tooltip: { ...tooltip(color) },
        series: [
          {
            type: "graph",
            layout: "force",
            roam: true,
            draggable: true,
            // In a small frame they stand closer, so that none is outside.
            force: typeof height === "number" ? { repulsion: 110, edgeLength: [30, 105], gravity: 0.25, layoutAnimation: false } : { repulsion: 195, edgeLength: [45, 155], gravity: 0.27, layoutAnimation: false },
            label: { show: true, position: "right", fontSize: 10.5, color: color("--ink-2"), formatter: ({ name }: { name: string }) => shortAddress(name) },
            labelLayout: { hideOverlap: true },
            edgeSymbol: ["none", "arrow"],
            edgeSymbolSize: 6,
            data: graph.nodes.map((node) => ({
              id: node.id,
              name: node.id,
              value: node.count,
              symbol: node.alerted ? "diamond" : "circle",
              symbolSize: 9 + 22 * Math.sqrt(node.count / most),
              itemStyle: { color: node.id === centre ? color("--accent") : color(node.alerted ? "--chart-alert" : "--chart-record") },
            })),
            links: graph.edges.map((edge) => ({
              source: edge.source,
              target: edge.target,
              value: edge.count,
              lineStyle: { color: color(edge.alerts > 0 ? "--chart-alert" : "--line-strong"), width: 1 + 4 * Math.sqrt(edge.count / heaviest), opacity: 0.6, curveness: 0.08 },
            })),
          },
        ],
      };
    },
    [centre, graph, height],
  );
  return (
    <LazyChart
      draw={draw}
      height={height}
      onPick={(name) => {
        if (graph.nodes.some((node) => node.id === name)) onPick(name);
      }}
      label={t("graph.label", { count: graph.nodes.length, edges: number(graph.edges.length, i18n.language), alerted: number(graph.nodes.filter((node) => node.alerted).length, i18n.language) })}
    />
  );
}
