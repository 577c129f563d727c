/** A table that sorts by its heads, filters by words, and can be saved. */
import { ArrowDown, ArrowUp, Download, Search } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { csv, save, stamped } from "@/lib/save";
import { plain } from "@/lib/text";
import { Button } from "@/ui/basics";

export interface Column<T> {
  head: string;
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
  empty: ReactNode;
}

/** Fewer rows are seen at one glance. */
const WORTH_FILTERING = 6;

function compare(one: string | number | null | undefined, other: string | number | null | undefined): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one ?? "").localeCompare(String(other ?? ""), "vi", { numeric: true });
}

export function SortedTable<T>({ caption, name, columns, items, rowKey, actions, empty }: SortedTableProps<T>) {
  const { t } = useTranslation();
  const [sort, setSort] = useState<{ column: number; down: boolean }>();
  const [words, setWords] = useState("");
  const shown = useMemo(() => {
    const sought = plain(words).split(/\s+/).filter(Boolean);
    const kept = items.filter((item) => {
      const text = plain(columns.map((column) => String(column.value(item) ?? "")).join(" "));
      return sought.every((word) => text.includes(word));
    });
    const column = sort && columns[sort.column];
    if (!column) return kept;
    return kept.sort((one, other) => compare(column.value(one), column.value(other)) * (sort.down ? -1 : 1));
  }, [items, columns, words, sort]);
  if (items.length === 0) return empty;
  const turn = (column: number) => setSort((before) => (before?.column === column ? (before.down ? undefined : { column, down: true }) : { column, down: false }));
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
      <div className="scroll">
        <table className="table">
          <caption className="hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column, index) => {
                const on = sort?.column === index;
                return (
                  <th key={column.head} scope="col" className={column.numeric ? "numeric" : undefined} aria-sort={on ? (sort.down ? "descending" : "ascending") : undefined}>
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
            {shown.map((item) => (
              <tr key={rowKey(item)}>
                {columns.map((column) => (
                  <td key={column.head} className={column.numeric ? "numeric" : undefined}>
                    {column.cell ? column.cell(item) : column.value(item)}
                  </td>
                ))}
                {actions && <td className="sorted__actions">{actions(item)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
