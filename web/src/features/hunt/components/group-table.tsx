/** A table of counts, which can show as bars, as a pie or as flows between its fields. */
import { Maximize2, Minimize2, X } from "lucide-react";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { compact, number } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { usePrefs } from "@/lib/prefs";
import { dayTime } from "@/lib/time";
import { Button, Empty, IconButton, Segmented } from "@/ui/basics";
import { tooltip, type Colors } from "@/ui/chart-look";
import { LazyChart } from "@/ui/lazy-chart";
import { SortedTable, type Column } from "@/ui/sorted-table";
import { Value } from "@/ui/value";

const VIEWS = ["table", "bar", "pie", "sankey"] as const;
type View = (typeof VIEWS)[number];
type Row = Schemas["TableBody"]["rows"][number];
/** What a chart can show without becoming a blur. */
const MOST_BARS = 20;
const MOST_SLICES = 7;
const MOST_FLOWS = { small: 16, big: 40 };
/** Between the names of a sankey, however thin what they name: a line of text. */
const LINE = 12;

interface GroupTableProps {
  table: Schemas["TableBody"];
  partial: boolean;
  labelOf: (field: string) => string;
  nameOf: (field: string, value: string) => string;
  onView: (view: View) => void;
  onClose: () => void;
  onPick: (pairs: readonly (readonly [string, string])[], mode: "include" | "exclude") => void;
  onOnly: (field: string, value: string) => void;
}

export function GroupTable({ table, partial, labelOf, nameOf, onView, onClose, onPick, onOnly }: GroupTableProps) {
  const { t, i18n } = useTranslation();
  const [big, setBig] = useState(false);
  const title = table.fields.map(labelOf).join(" × ");
  const view = VIEWS.find((one) => one === table.view && (one !== "sankey" || table.fields.length > 1)) ?? "table";
  useKeys({ Escape: () => setBig(false) }, big);
  return (
    <section className={`card groups-table ${big ? "is-big" : ""}`} aria-label={`${t("hunt.views.table")}: ${title}`}>
      <div className="card__head">
        <h2 className="cut">{title}</h2>
        <span className="muted nowrap">{t("hunt.groups", { count: table.different, shown: compact(table.different, i18n.language), about: partial ? "≈" : "" })}</span>
        <div className="hunt__tools">
          <Segmented
            legend={t("hunt.view")}
            value={view}
            options={VIEWS.filter((one) => one !== "sankey" || table.fields.length > 1).map((value) => ({ value, label: t(`hunt.views.${value}`) }))}
            onChange={onView}
          />
          {/* Without a tip: Escape would close that first. */}
          <Button look="quiet" className="button--icon" aria-label={t(big ? "hunt.smaller" : "hunt.bigger")} onClick={() => setBig(!big)}>
            {big ? <Minimize2 aria-hidden /> : <Maximize2 aria-hidden />}
          </Button>
          <IconButton look="quiet" label={t("hunt.closeTable")} onClick={onClose}>
            <X aria-hidden />
          </IconButton>
        </div>
      </div>
      {table.rows.length === 0 ? (
        <Empty small title={t("hunt.noGroups")} />
      ) : view === "table" ? (
        <Rows table={table} partial={partial} title={title} labelOf={labelOf} nameOf={nameOf} onPick={onPick} onOnly={onOnly} />
      ) : (
        <Picture table={table} view={view} big={big} title={title} nameOf={nameOf} onPick={onPick} />
      )}
    </section>
  );
}

function Rows({ table, partial, title, labelOf, nameOf, onPick, onOnly }: Pick<GroupTableProps, "table" | "partial" | "labelOf" | "nameOf" | "onPick" | "onOnly"> & { title: string }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const most = Math.max(...table.rows.map((row) => row.count));
  const columns: Column<Row>[] = [
    {
      id: "count",
      head: t("hunt.count"),
      numeric: true,
      value: (row) => row.count,
      cell: (row) => (
        <span className="groups-table__count">
          <span className="groups-table__bar" style={{ width: `${(row.count / most) * 100}%` }} aria-hidden />
          <Button look="quiet" size="small" title={t("hunt.includeAll")} onClick={() => onPick(table.fields.map((field, at) => [field, row.values[at] ?? ""] as const), "include")}>
            {partial && "≈"}
            {number(row.count, i18n.language)}
          </Button>
        </span>
      ),
    },
    ...table.fields.map((field, at): Column<Row> => {
      const valueOf = (row: Row) => row.values[at] ?? "";
      return {
        id: `field ${at}`,
        head: labelOf(field),
        value: (row) => nameOf(field, valueOf(row)),
        cell: (row) => {
          const value = valueOf(row);
          return (
            <Value text={value} mono onInclude={() => onPick([[field, value]], "include")} onExclude={() => onPick([[field, value]], "exclude")} onOnly={() => onOnly(field, value)}>
              {nameOf(field, value)}
            </Value>
          );
        },
      };
    }),
    ...table.measures.map((measure, at): Column<Row> => ({
      id: `measure ${at}`,
      head: measure,
      numeric: true,
      value: (row) => row.measures[at],
      cell: (row) => {
        const value = row.measures[at];
        return value === null || value === undefined ? "–" : number(Math.round(value * 100) / 100, i18n.language);
      },
    })),
    ...(["first", "last"] as const).map((name): Column<Row> => ({ id: name, head: t(`hunt.${name}`), value: (row) => row[name], cell: (row) => <span className="tabular nowrap muted">{dayTime(row[name], zone)}</span> })),
  ];
  return <SortedTable caption={title} name={`hunt-${table.fields.join("-")}`} className="results" columns={columns} items={table.rows} rowKey={(row) => row.values.join("\u0000")} empty={null} />;
}

function Picture({ table, view, big, title, nameOf, onPick }: Pick<GroupTableProps, "table" | "nameOf" | "onPick"> & { view: Exclude<View, "table">; big: boolean; title: string }) {
  const { t, i18n } = useTranslation();
  const draw = useCallback(
    (color: Colors) => {
      const names = (values: readonly string[]) => values.map((value, at) => nameOf(table.fields[at] ?? "", value));
      const key = (values: readonly string[]) => JSON.stringify(values);
      if (view === "bar") {
        const rows = table.rows.slice(0, MOST_BARS).reverse();
        return {
          tooltip: { ...tooltip(color), trigger: "item" },
          grid: { left: 8, right: 40, top: 6, bottom: 6, containLabel: true },
          xAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: color("--line") } }, axisLabel: { color: color("--ink-3"), formatter: (value: number) => compact(value, i18n.language) } },
          yAxis: { type: "category", data: rows.map((row) => names(row.values).join(" → ")), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: color("--ink-2"), width: 280, overflow: "truncate" } },
          series: [{ type: "bar", data: rows.map((row) => ({ value: row.count, pick: key(row.values) })), itemStyle: { color: color("--c1"), borderRadius: 2 }, label: { show: true, position: "right", color: color("--ink-2"), formatter: ({ value }: { value: number }) => compact(value, i18n.language) } }],
        };
      }
      if (view === "pie") {
        const shown = table.rows.slice(0, MOST_SLICES);
        const rest = table.total - shown.reduce((sum, row) => sum + row.count, 0);
        const data: object[] = shown.map((row) => ({ name: names(row.values).join(" → "), value: row.count, pick: key(row.values) }));
        if (rest > 0) data.push({ name: t("hunt.rest"), value: rest, pick: "", itemStyle: { color: color("--line-strong") } });
        return {
          tooltip: { ...tooltip(color), trigger: "item" },
          series: [{ type: "pie", radius: ["38%", "68%"], data, label: { color: color("--ink-2"), formatter: "{b}: {d}%" }, itemStyle: { borderColor: color("--surface"), borderWidth: 2 } }],
        };
      }
      // A name at each place is a node of its own: the same address may be source and destination.
      const nodes = new Map<string, { name: string; label: { formatter: string } }>();
      const links = new Map<string, { source: string; target: string; value: number }>();
      for (const row of table.rows.slice(0, big ? MOST_FLOWS.big : MOST_FLOWS.small)) {
        const shown = names(row.values);
        const ids = row.values.map((value, at) => `${at}\u0000${value}`);
        ids.forEach((id, at) => nodes.set(id, { name: id, label: { formatter: shown[at] ?? "" } }));
        for (let at = 0; at + 1 < ids.length; at += 1) {
          const [source = "", target = ""] = [ids[at], ids[at + 1]];
          const link = links.get(`${source}\u0001${target}`) ?? { source, target, value: 0 };
          link.value += row.count;
          links.set(`${source}\u0001${target}`, link);
        }
      }
      return {
        series: [
          {
            type: "sankey",
            left: 8,
            right: 180,
            top: 8,
            bottom: 8,
            nodeGap: LINE,
            data: [...nodes.values()],
            links: [...links.values()],
            label: { color: color("--ink-2"), fontSize: 11, width: 170, overflow: "truncate" },
            lineStyle: { color: "source", opacity: 0.3 },
          },
        ],
      };
    },
    [big, i18n.language, nameOf, t, table, view],
  );
  const pick = (name: string) => {
    try {
      const values: unknown = JSON.parse(name);
      if (Array.isArray(values)) onPick(table.fields.map((field, at) => [field, String(values[at] ?? "")] as const), "include");
    } catch {
      // A node of a sankey, or the rest: nothing to choose.
    }
  };
  const top = table.rows.slice(0, 5).map((row) => `${row.values.join(" → ")}: ${number(row.count, i18n.language)}`);
  return <LazyChart draw={draw} height={big ? "calc(100vh - 120px)" : 300} label={`${title}. ${top.join("; ")}`} onPick={pick} />;
}
