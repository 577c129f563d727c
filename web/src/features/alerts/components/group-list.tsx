/** The rows of the inbox. Only those in view are in the page, however many there are. */
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowRight, ArrowUp, ArrowUpRight, Check, EyeOff, Filter, FolderPlus, MessageSquare, MoreVertical, Radar, RotateCcw, ShieldQuestion, Star, StarHalf, UserCheck, UserRound, XCircle } from "lucide-react";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import { useTranslation } from "react-i18next";
import { compact } from "@/lib/format";
import { shortTime, dateTime } from "@/lib/time";
import { usePrefs } from "@/lib/prefs";
import { Button, IconButton, Severity, Spark } from "@/ui/basics";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { Tip } from "@/ui/tip";
import { Value } from "@/ui/value";
import type { ActionName, GroupRow } from "../api";
import type { SORTS, Tab } from "../route";
import { useTitle } from "./title";

type Sort = (typeof SORTS)[number];

export interface ListHandle {
  show: (index: number) => void;
}

interface GroupListProps {
  ref: Ref<ListHandle>;
  rows: GroupRow[];
  total: number;
  tab: Tab;
  canAct: boolean;
  sort: Sort;
  ascending: boolean;
  cursor: number | undefined;
  selected: ReadonlySet<number>;
  more: boolean;
  loadingMore: boolean;
  onMore: () => void;
  onSort: (sort: Sort) => void;
  onCursor: (id: number) => void;
  onOpen: (id: number) => void;
  onToggle: (id: number) => void;
  onToggleAll: () => void;
  onFilter: (word: string) => void;
  onHunt: (query: string) => void;
  onAct: (id: number, action: ActionName) => void;
  onAssign: (id: number) => void;
  onAsk: (id: number, what: "hide" | "false_positive" | "escalate_close" | "comment" | "case") => void;
  /** The menu of the row under the cursor is open. */
  menu: boolean;
  onMenu: (id: number, open: boolean) => void;
  onClose: (id: number) => void;
}

const ROW_HEIGHT = 56;

export function GroupList(props: GroupListProps) {
  const { ref, rows, total, selected, more, loadingMore, onMore, cursor } = props;
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  // The virtualizer hands out new functions on purpose.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 4 });
  useImperativeHandle(ref, () => ({ show: (index) => virtual.scrollToIndex(index, { align: "auto" }) }), [virtual]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) return;
    first.current = false;
    const index = rows.findIndex((row) => row.id === cursor);
    if (index > 0) virtual.scrollToIndex(index, { align: "center" });
  }, [cursor, rows, virtual]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && !loadingMore && last >= rows.length - 20) onMore();
  }, [last, loadingMore, more, onMore, rows.length]);
  const header = (sort: Sort, name: string) => (
    <span role="columnheader" aria-sort={props.sort === sort ? (props.ascending ? "ascending" : "descending") : "none"}>
      <button type="button" className="sort" onClick={() => props.onSort(sort)}>
        {name}
        {props.sort === sort && (props.ascending ? <ArrowUp aria-hidden /> : <ArrowDown aria-hidden />)}
      </button>
    </span>
  );
  return (
    <div className="groups" role="grid" aria-label={t("nav.alerts")} aria-rowcount={total + 1} aria-multiselectable>
      <div role="rowgroup">
        <div className="groups__row groups__head" role="row" aria-rowindex={1}>
          <span role="columnheader">
            <input
              type="checkbox"
              aria-label={t("alerts.selectLoaded")}
              checked={selected.size > 0 && selected.size >= rows.length}
              ref={(box) => {
                if (box) box.indeterminate = selected.size > 0 && selected.size < rows.length;
              }}
              onChange={props.onToggleAll}
            />
          </span>
          {header("risk", t("column.risk"))}
          {header("count", t("column.count"))}
          <span role="columnheader">{t("column.alert")}</span>
          <span role="columnheader">{t("column.path")}</span>
          {header("last", t("column.last"))}
          <span role="columnheader">{t("column.owner")}</span>
        </div>
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="groups__scroll" ref={scroller} role="rowgroup" tabIndex={0}>
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {items.map(({ index, start }) => {
            const row = rows[index];
            return row && <Row key={row.id} {...props} row={row} index={index} start={start} />;
          })}
        </div>
        {loadingMore && <p className="groups__more muted" role="presentation">{t("common.loading")}</p>}
      </div>
    </div>
  );
}

function Row({ row, index, start, tab, canAct, cursor, selected, onCursor, onOpen, onToggle, onFilter, onHunt, onAct, onAssign, onAsk, onClose, menu, onMenu }: GroupListProps & { row: GroupRow; index: number; start: number }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { title, rule } = useTitle()(row);
  const isSelected = selected.has(row.id);
  const address = (value: string, side: "src" | "dest", name: string | null | undefined) => (
    <Value
      text={value}

      mono
      onHunt={() => onHunt(`ip:${value}`)}
      more={
        <>
          <MenuItem icon={Filter} onSelect={() => onFilter(`${side}:${value}`)}>
            {t(side === "src" ? "alerts.onlySource" : "alerts.onlyDestination")}
          </MenuItem>
          <MenuItem icon={Filter} onSelect={() => onFilter(value)}>
            {t("alerts.eitherSide")}
          </MenuItem>
        </>
      }
    >
      {name && <strong className="groups__name">{name} </strong>}
      {value}
    </Value>
  );
  return (
    // The keys of the page work on the row under the cursor; a click is a shorter way to move it.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      className={`groups__row ${cursor === row.id ? "is-cursor" : ""} ${isSelected ? "is-selected" : ""}`}
      style={{ position: "absolute", top: 0, left: 0, right: 0, height: ROW_HEIGHT, transform: `translateY(${start}px)` }}
      onClick={() => onCursor(row.id)}
      onDoubleClick={() => onOpen(row.id)}
    >
      <span role="gridcell">
        <input type="checkbox" checked={isSelected} onChange={() => onToggle(row.id)} aria-label={t("alerts.selectOne", { title })} />
      </span>
      <span role="gridcell">
        <Tip text={t("risk.told", { risk: row.risk, importance: row.risk_parts.importance, rarity: row.risk_parts.rarity_percent, right: row.risk_parts.true_positive, closed: row.risk_parts.closed })}>
          <span className="groups__risk">
            <Severity level={row.severity} />
            {row.escalated && (row.status === "closed" ? <StarHalf role="img" aria-label={t("risk.wasEscalated")} /> : <Star role="img" aria-label={t("risk.escalated")} />)}
          </span>
        </Tip>
      </span>
      <span role="gridcell" className="groups__count">
        <strong className="tabular">{compact(row.count, i18n.language)}</strong>
        <Spark counts={row.spark} label={t("alerts.spark", { count: row.spark.reduce((sum, one) => sum + one, 0) })} />
      </span>
      <span role="gridcell" className="groups__title">
        <Link
          to="/alerts/$group"
          params={{ group: String(row.id) }}
          preload={false}
          className="cut"
          title={title}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            onOpen(row.id);
          }}
        >
          {title}
        </Link>
        <span className="groups__meta">
          {row.status === "closed" && row.verdict && (
            <span className={`tag ${row.verdict === "true_positive" ? "tag--bad" : "tag--good"}`}>{t(`verdict.${row.verdict}`)}</span>
          )}
          {row.technique && <span className="tag">{row.technique}</span>}
          {row.app_proto && row.app_proto !== "failed" && <span className="tag">{row.app_proto.toUpperCase()}</span>}
          <span className="tag" title={t("column.sensor")}>
            <Radar aria-hidden />
            <span className="hidden">{t("column.sensor")}</span>
            {row.sensors.length > 1 ? t("alerts.sensors", { count: row.sensors.length }) : row.sensors[0]}
          </span>
          <span className="cut muted">{rule ?? row.category}</span>
        </span>
      </span>
      <span role="gridcell" className="groups__path">
        <span>{address(row.source, "src", row.source_name)}</span>
        <span>
          <ArrowRight aria-label={t("alerts.to")} role="img" />
          {address(row.destination, "dest", row.destination_name)}
        </span>
      </span>
      <span role="gridcell" className="groups__time tabular" title={`${dateTime(row.first, zone)} – ${dateTime(row.last, zone)}`}>
        <span>{shortTime(row.last, undefined, zone)}</span>
        {shortTime(row.first, undefined, zone) !== shortTime(row.last, undefined, zone) && <span className="muted">{t("alerts.from", { time: shortTime(row.first, undefined, zone) })}</span>}
      </span>
      <span role="gridcell" className="groups__owner">
        {row.owner ? (
          <span className="tag">
            <UserRound aria-hidden />
            {row.owner}
          </span>
        ) : (
          <span className="muted">–</span>
        )}
        {canAct && (
          <span className="groups__actions">
            {tab === "closed" ? (
              <IconButton size="small" label={t("action.reopen")} onClick={() => onAct(row.id, "reopen")}>
                <RotateCcw aria-hidden />
              </IconButton>
            ) : (
              <>
                {tab === "new" && (
                  <IconButton size="small" label={t("action.acknowledge")} shortcut="v" onClick={() => onAct(row.id, "acknowledge")}>
                    <Check aria-hidden />
                  </IconButton>
                )}
                {tab !== "escalated" && (
                  <IconButton size="small" label={t("action.escalate")} shortcut="s" onClick={() => onAct(row.id, "escalate")}>
                    <ArrowUpRight aria-hidden />
                  </IconButton>
                )}
                <IconButton size="small" label={t("action.close")} shortcut="e" onClick={() => onClose(row.id)}>
                  <XCircle aria-hidden />
                </IconButton>
              </>
            )}
            <Menu
              align="end"
              label={t("action.more")}
              open={menu && cursor === row.id}
              onOpenChange={(shown) => onMenu(row.id, shown)}
              trigger={
                <Button size="small" className="button--icon" aria-label={t("action.more")}>
                  <MoreVertical aria-hidden />
                </Button>
              }
            >
              <MenuItem icon={UserCheck} onSelect={() => onAssign(row.id)}>
                {t("action.assignMe")} (a)
              </MenuItem>
              <MenuItem icon={MessageSquare} onSelect={() => onAsk(row.id, "comment")}>
                {t("action.comment")} (c)
              </MenuItem>
              <MenuItem icon={FolderPlus} onSelect={() => onAsk(row.id, "case")}>
                {t("action.toCase")}
              </MenuItem>
              <MenuLine />
              <MenuItem icon={ShieldQuestion} onSelect={() => onAsk(row.id, "false_positive")}>
                {t("verdict.false_positive")} (f)
              </MenuItem>
              <MenuItem icon={ArrowUpRight} onSelect={() => onAsk(row.id, "escalate_close")}>
                {t("action.escalateClose")} (Shift+s)
              </MenuItem>
              <MenuItem icon={EyeOff} onSelect={() => onAsk(row.id, "hide")}>
                {t("action.hide")} (h)
              </MenuItem>
            </Menu>
          </span>
        )}
      </span>
    </div>
  );
}
