/** The records found, as many as there are: only what is seen is drawn. A row opens to all its fields. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { Archive, ArrowLeft, ArrowRight, BellRing, Braces, ChevronRight, GripVertical, RadioTower, Route, X } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { EVE, summary, type EveRecord } from "@/lib/eve";
import { textAt } from "@/lib/json";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, Severity } from "@/ui/basics";
import { Fields } from "@/ui/fields";
import { Menu, MenuItem } from "@/ui/menu";
import { useCopy, Value } from "@/ui/value";
import { isFromSensor } from "../merge";

const ROW_HEIGHT = 28;
/** Rows before the end at which more are asked for. */
const EARLY = 40;

interface ResultsProps {
  rows: EveRecord[];
  /** Those that came back from the archive. */
  recalled: ReadonlySet<EveRecord>;
  columns: readonly string[];
  opened: string | undefined;
  hasMore: boolean;
  labelOf: (field: string) => string;
  nameOf: (field: string, value: string) => string;
  pivot: (field: string, value: string) => ReactNode;
  onOpen: (id: string | undefined) => void;
  onMore: () => void;
  onPick: (field: string, value: string, mode: "include" | "exclude") => void;
  onOnly: (field: string, value: string) => void;
  onGroupBy: (field: string) => void;
  onColumns: (columns: string[]) => void;
  onGroup: (record: EveRecord) => void;
  onFlow: (record: EveRecord) => void;
}

export function Results(props: ResultsProps) {
  const { rows, recalled, columns, opened, hasMore, labelOf, nameOf, pivot, onOpen, onMore, onPick, onOnly, onGroupBy, onColumns, onGroup, onFlow } = props;
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const copy = useCopy();
  const scroller = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState<string>();
  // eslint-disable-next-line react-hooks/incompatible-library -- the table is drawn again whenever it scrolls
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - EARLY) onMore();
  }, [hasMore, last, onMore, rows.length]);
  const move = (field: string, to: number) => {
    const without = columns.filter((one) => one !== field);
    without.splice(Math.max(0, Math.min(to, without.length)), 0, field);
    onColumns(without);
  };
  const toggle = (field: string) => onColumns(columns.includes(field) ? columns.filter((one) => one !== field) : [...columns, field]);
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div ref={scroller} className="scroll results__scroll" tabIndex={0} role="group" aria-label={t("hunt.results")}>
      <table className="table results" aria-rowcount={rows.length + 1}>
        <caption className="hidden">{t("hunt.results")}</caption>
        <thead>
          <tr>
            <th>
              <span className="hidden">{t("hunt.details")}</span>
            </th>
            <th>{t("hunt.time")}</th>
            {columns.map((field, at) => (
              <th
                key={field}
                className={dragged === field ? "is-dragged" : undefined}
                draggable
                onDragStart={() => setDragged(field)}
                onDragEnd={() => setDragged(undefined)}
                onDragOver={(event) => event.preventDefault()}
                onDrop={() => dragged && dragged !== field && move(dragged, at)}
              >
                <Menu
                  label={labelOf(field)}
                  trigger={
                    <button type="button" className="sort" title={field}>
                      <GripVertical aria-hidden /> {labelOf(field)}
                    </button>
                  }
                >
                  <MenuItem icon={ArrowLeft} disabled={at === 0} onSelect={() => move(field, at - 1)}>
                    {t("hunt.moveLeft")}
                  </MenuItem>
                  <MenuItem icon={ArrowRight} disabled={at === columns.length - 1} onSelect={() => move(field, at + 1)}>
                    {t("hunt.moveRight")}
                  </MenuItem>
                  <MenuItem onSelect={() => onGroupBy(field)}>{t("value.groupBy")}</MenuItem>
                  <MenuItem icon={X} disabled={columns.length === 1} onSelect={() => toggle(field)}>
                    {t("hunt.removeColumn")}
                  </MenuItem>
                </Menu>
              </th>
            ))}
            <th>{t("hunt.summary")}</th>
          </tr>
        </thead>
        {before > 0 && <Space height={before} />}
        {items.map((item) => {
          const record = rows[item.index];
          if (!record) return null;
          const id = textAt(record, EVE.id) ?? String(item.index);
          const isOpen = opened === id;
          return (
            <tbody key={item.key} data-index={item.index} ref={virtual.measureElement}>
              <tr className={`is-link ${isOpen ? "is-open" : ""}`} aria-rowindex={item.index + 2}>
                <td>
                  <button type="button" className="results__toggle" aria-expanded={isOpen} aria-label={t("hunt.details")} onClick={() => onOpen(isOpen ? undefined : id)}>
                    <ChevronRight aria-hidden />
                  </button>
                </td>
                <td>
                  <span className="tabular nowrap">{dateTime(textAt(record, EVE.time) ?? "", zone)}</span>
                </td>
                {columns.map((field) => {
                  const value = textAt(record, field);
                  return (
                    <td key={field}>
                      {value === undefined ? (
                        <span className="muted">–</span>
                      ) : field === EVE.severity ? (
                        <Severity level={Number(value)} />
                      ) : (
                        <Value
                          text={value}
                          mono={field !== EVE.type}
                          onInclude={() => onPick(field, value, "include")}
                          onExclude={() => onPick(field, value, "exclude")}
                          onOnly={() => onOnly(field, value)}
                          onGroupBy={() => onGroupBy(field)}
                          more={pivot(field, value)}
                        >
                          {field === EVE.type ? <span className={`tag ${value === "alert" ? "tag--bad" : ""}`}>{value}</span> : nameOf(field, value)}
                        </Value>
                      )}
                    </td>
                  );
                })}
                <td>
                  <span className="results__summary">
                    {recalled.has(record) && (
                      <span className="tag" title={t("archive.mark")}>
                        <Archive aria-hidden /> {t("archive.from")}
                      </span>
                    )}
                    {isFromSensor(record) && (
                      <span className="tag" title={t("remote.mark")}>
                        <RadioTower aria-hidden /> {t("remote.from", { sensor: nameOf(EVE.sensor, textAt(record, EVE.sensor) ?? "") })}
                      </span>
                    )}{" "}
                    {summary(record)}
                  </span>
                </td>
              </tr>
              {isOpen && (
                <tr className="results__detail">
                  <td colSpan={columns.length + 3}>
                    <div className="results__tools">
                      {textAt(record, EVE.type) === "alert" && (
                        <Button size="small" onClick={() => onGroup(record)}>
                          <BellRing aria-hidden /> {t("hunt.openGroup")}
                        </Button>
                      )}
                      {textAt(record, EVE.flow) && (
                        <Button size="small" onClick={() => onFlow(record)}>
                          <Route aria-hidden /> {t("hunt.sameFlow")}
                        </Button>
                      )}
                      <Button size="small" onClick={() => copy(JSON.stringify(record, null, 2))}>
                        <Braces aria-hidden /> {t("hunt.copyJson")}
                      </Button>
                    </div>
                    <Fields
                      record={record}
                      onInclude={(field, value) => onPick(field, value, "include")}
                      onExclude={(field, value) => onPick(field, value, "exclude")}
                      onOnly={onOnly}
                      onGroupBy={onGroupBy}
                      onColumn={toggle}
                      more={pivot}
                    />
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
        {after > 0 && <Space height={after} />}
      </table>
    </div>
  );
}

/** Stands for the rows that are not drawn. */
function Space({ height }: { height: number }) {
  return (
    <tbody aria-hidden className="results__space">
      <tr>
        <td style={{ height }} />
      </tr>
    </tbody>
  );
}
