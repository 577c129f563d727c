/** Alerts of the last day by unit of the organisation: a map that needs no map. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleCheck } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { number } from "@/lib/format";
import { unitsQuery } from "@/lib/units";
import { Card, Empty, Failure, Loading } from "@/ui/basics";
import { tooltip, type Colors } from "@/ui/chart-look";
import { LazyChart } from "@/ui/lazy-chart";
import { sensorAlertsQuery, sensorsQuery } from "../api";

interface Node {
  name: string;
  value: number;
  pick: string;
  children?: Node[];
}

/** Units with their alerts below one another; those without any are left out. */
export function tree(units: readonly Schemas["UnitBody"][], counts: ReadonlyMap<number, number>): Node[] {
  const below = new Map<number | null, Schemas["UnitBody"][]>();
  const ids = new Set(units.map((unit) => unit.id));
  for (const unit of units) {
    const parent = unit.parent_id !== null && unit.parent_id !== undefined && ids.has(unit.parent_id) ? unit.parent_id : null;
    below.set(parent, [...(below.get(parent) ?? []), unit]);
  }
  const grow = (unit: Schemas["UnitBody"]): Node => {
    const children = (below.get(unit.id) ?? []).map(grow).filter((child) => child.value > 0);
    const own = counts.get(unit.id) ?? 0;
    const value = own + children.reduce((sum, child) => sum + child.value, 0);
    if (children.length === 0) return { name: unit.name, value, pick: String(unit.id) };
    const self: Node[] = own > 0 ? [{ name: unit.name, value: own, pick: String(unit.id) }] : [];
    return { name: unit.name, value, pick: String(unit.id), children: [...self, ...children] };
  };
  return (below.get(null) ?? []).map(grow).filter((node) => node.value > 0);
}

/** Dark enough for white letters, in either theme. */
const COLORS = ["#2b7a93", "#8a5a00", "#4d6b2f", "#7a5aa6", "#9a4a24", "#3f6fb5"];

function painted(nodes: readonly Node[], from = 0): object[] {
  return nodes.map((node, index) => ({ ...node, itemStyle: { color: COLORS[(from + index) % COLORS.length] }, ...(node.children && { children: painted(node.children, from + index) }) }));
}

export function UnitMap() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const alerts = useQuery(sensorAlertsQuery);
  const sensors = useQuery(sensorsQuery);
  const units = useQuery(unitsQuery);
  const nodes = useMemo(() => {
    const counts = new Map<number, number>();
    // What no sensor saw, the collector itself found: it belongs to the whole.
    const top = units.data?.find((unit) => !units.data.some((other) => other.id === unit.parent_id))?.id;
    for (const row of alerts.data?.tables[0]?.rows ?? []) {
      const unit = sensors.data?.find((sensor) => sensor.id === row.values[0])?.unit_id ?? top;
      if (unit !== undefined) counts.set(unit, (counts.get(unit) ?? 0) + row.count);
    }
    return tree(units.data ?? [], counts);
  }, [alerts.data, sensors.data, units.data]);
  const draw = useCallback(
    (color: Colors) => ({
      tooltip: { ...tooltip(color) },
      series: [
        {
          type: "treemap",
          roam: false,
          nodeClick: false,
          breadcrumb: { show: false },
          left: 0,
          right: 0,
          top: 0,
          bottom: 0,
          data: painted(nodes),
          label: { show: true, color: "#ffffff", textBorderColor: "rgba(0, 0, 0, 0.6)", textBorderWidth: 2, fontSize: 12, lineHeight: 18, formatter: ({ name, value }: { name: string; value: number }) => `${name}\n${number(value, i18n.language)}` },
          itemStyle: { borderColor: color("--surface"), borderWidth: 2, gapWidth: 2 },
        },
      ],
    }),
    [i18n.language, nodes],
  );
  const failed = [alerts, sensors, units].find((query) => query.isLoadingError);
  const flat = (list: readonly Node[]): string[] => list.flatMap((node) => [`${node.name}: ${number(node.value, i18n.language)}`, ...flat(node.children ?? [])]);
  return (
    <Card title={t("overview.units")}>
      {failed ? (
        <Failure small error={failed.error} retry={() => void failed.refetch()} />
      ) : alerts.isPending || sensors.isPending || units.isPending ? (
        <Loading rows={5} />
      ) : nodes.length === 0 ? (
        <Empty small title={t("overview.quiet")} icon={CircleCheck} />
      ) : (
        <LazyChart
          draw={draw}
          height={190}
          label={`${t("overview.units")}. ${flat(nodes).slice(0, 12).join("; ")}`}
          onPick={(unit) => {
            const ids = (sensors.data ?? []).filter((sensor) => String(sensor.unit_id) === unit).map((sensor) => `"${sensor.id}"`);
            if (ids.length > 0) void navigate({ to: "/hunt", search: { q: `event_type:alert matluoi.sensor:(${ids.join(" OR ")})` } });
          }}
        />
      )}
    </Card>
  );
}
