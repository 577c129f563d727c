/** A table that sorts by its heads, filters by words, and can be saved. */
import { ArrowDown, ArrowUp, Download, Search } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { csv, save, stamped } from "@/lib/save";
import { useFirstState, useKeptState } from "@/lib/table-state";
import { plain } from "@/lib/text";
import { Button } from "@/ui/basics";

export interface Column<T> {
  head: string;
  /** Its name in an address; of use only where the table's order is kept there. */
  id?: string;
  /** What is sorted by, looked for, and saved. */
  value: (item: T) => string | number | null | undefined;
  /** What is shown, if not that. */
  cell?: (item: T) => ReactNode;
  numeric?: boolean;
}

interface SortedTableProps<T> {
  caption: string;
  /** Of the file that is saved. */
  name: string;
  columns: readonly Column<T>[];
  items: readonly T[];
  rowKey: (item: T) => string | number;
  /** What can be done with a row. */
  actions?: (item: T) => ReactNode;
  rowClass?: (item: T) => string | undefined;
  /** The order, if the page keeps it: a column's id, with a minus before it from the greatest down. */
  order?: string;
  onOrder?: (order: string | undefined) => void;
  className?: string;
  empty: ReactNode;
}

/** Fewer rows are seen at one glance. */
const WORTH_FILTERING = 6;
/** As many rows are drawn at once; the rest are asked for. All are sorted, filtered and saved. */
const STEP = 200;

interface Order {
  column: number;
  down: boolean;
}

/** The order that an address names, if it names a column that there is. */
function orderOf<T>(columns: readonly Column<T>[], told: string | undefined): Order | undefined {
  if (!told) return undefined;
  const down = told.startsWith("-");
  const column = columns.findIndex(({ id }) => id === (down ? told.slice(1) : told));
  return column < 0 ? undefined : { column, down };
}

/** The order that names a column by its number. */
function placed(columns: number, told: string | undefined): Order | undefined {
  if (told === undefined) return undefined;
  const down = told.startsWith("-");
  const column = Number(down ? told.slice(1) : told);
  return column < columns ? { column, down } : undefined;
}

function compare(one: string | number | null | undefined, other: string | number | null | undefined): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one ?? "").localeCompare(String(other ?? ""), "vi", { numeric: true });
}

export function SortedTable<T>({ caption, name, columns, items, rowKey, actions, rowClass, order, onOrder, className, empty }: SortedTableProps<T>) {
  const { t } = useTranslation();
  const first = useFirstState(name);
  const [own, setOwn] = useState(() => placed(columns.length, first.order));
  const sort = onOrder ? orderOf(columns, order) : own;
  const [words, setWords] = useState(first.words ?? "");
  useKeptState(name, onOrder ? undefined : own && `${own.down ? "-" : ""}${own.column}`, words);
  const [drawn, setDrawn] = useState(STEP);
  const shown = useMemo(() => {
    const sought = plain(words).split(/\s+/).filter(Boolean);
    const kept = items.filter((item) => {
      const text = plain(columns.map((column) => String(column.value(item) ?? "")).join(" "));
      return sought.every((word) => text.includes(word));
    });
    const column = sort && columns[sort.column];
    if (!column) return kept;
    return [...kept].sort((one, other) => compare(column.value(one), column.value(other)) * (sort.down ? -1 : 1));
  }, [items, columns, words, sort]);
  if (items.length === 0) return empty;
  const turn = (column: number) => {
    const { id, numeric = false } = columns[column] ?? {};
    // Of numbers the greatest are looked for first. The third press gives the first order back.
    const next = sort?.column !== column ? { column, down: numeric } : sort.down === numeric ? { column, down: !numeric } : undefined;
    if (!onOrder) setOwn(next);
    else if (id) onOrder(next && `${next.down ? "-" : ""}${id}`);
  };
  const keep = () =>
    save(
      `${stamped(name)}.csv`,
      "text/csv",
      csv(
        columns.map((column) => column.head),
        shown.map((item) => columns.map((column) => column.value(item))),
      ),
    );
  return (
    <div className="sorted">
      <div className="sorted__bar">
        {items.length >= WORTH_FILTERING && (
          <label className="sorted__search">
            <Search aria-hidden />
            <span className="hidden">{t("table.filter", { table: caption })}</span>
            <input className="input" type="search" placeholder={t("table.filterHint")} value={words} onChange={(event) => setWords(event.target.value)} />
          </label>
        )}
        <span className="muted" role="status">
          {t("table.rows", { count: shown.length, all: items.length })}
        </span>
        <span className="spring" />
        <Button size="small" look="quiet" onClick={keep} aria-label={t("table.save", { table: caption })}>
          <Download aria-hidden /> CSV
        </Button>
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="scroll" tabIndex={0} role="group" aria-label={caption}>
        <table className={`table ${className ?? ""}`}>
          <caption className="hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column, index) => {
                const on = sort?.column === index;
                return (
                  <th key={column.id ?? column.head} scope="col" className={column.numeric ? "numeric" : undefined} aria-sort={on ? (sort.down ? "descending" : "ascending") : undefined}>
                    <button type="button" className="sort" onClick={() => turn(index)}>
                      {column.head}
                      {on && (sort.down ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
                    </button>
                  </th>
                );
              })}
              {actions && (
                <th scope="col">
                  <span className="hidden">{t("table.actions")}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {shown.slice(0, drawn).map((item) => (
              <tr key={rowKey(item)} className={rowClass?.(item)}>
                {columns.map((column) => (
                  <td key={column.id ?? column.head} className={column.numeric ? "numeric" : undefined}>
                    {column.cell ? column.cell(item) : column.value(item)}
                  </td>
                ))}
                {actions && <td className="sorted__actions">{actions(item)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length > drawn && (
        <p className="sorted__more">
          <Button onClick={() => setDrawn(drawn + STEP)}>{t("table.more", { count: Math.min(STEP, shown.length - drawn) })}</Button>
        </p>
      )}
    </div>
  );
}
