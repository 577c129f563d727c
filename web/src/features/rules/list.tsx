/** Rules: what they find, how often they are right, and what hides them. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, CloudDownload, Download, EyeOff, FilePenLine, Radar, ScrollText, Search } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { compact, number, percent } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { csv, save, stamped } from "@/lib/save";
import { useRights } from "@/lib/session";
import { ago } from "@/lib/time";
import { buttonClass, Empty, Failure, IconButton, Loading, Severity } from "@/ui/basics";
import { chosen, counted, hitsQuery, precision, rulesQuery, SPANS, type CountedRule, type Rule, type Span } from "./api";
import { RULE_SORTS, SHOWN, type RuleSort, type RulesSearch } from "./route";
import "./rules.css";

const route = getRouteApi("/signed-in/rules");
const ROW = 50;
const HITS = ["day", "week", "month"] as const satisfies readonly Span[];
const NUMERIC: readonly RuleSort[] = [...HITS, "alerts", "hidden"];
/** Columns that are read so, unless they are turned. */
const FROM_THE_GREATEST: readonly RuleSort[] = [...NUMERIC, "last"];

export function RulesPage() {
  const { t, i18n } = useTranslation();
  const { author } = useRights();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const rules = useQuery(rulesQuery);
  const hits = useQuery(hitsQuery);
  const box = useRef<HTMLInputElement>(null);
  const shown = useMemo(() => chosen(counted(rules.data ?? [], hits.data?.hits), search), [rules.data, hits.data, search]);
  const change = (to: RulesSearch) => void navigate({ search: (before) => ({ ...before, ...to }), replace: true });
  const turn = (sort: RuleSort) => {
    const same = sort === (search.sort ?? "alerts");
    change({ sort: sort === "alerts" ? undefined : sort, turned: same && !search.turned ? true : undefined });
  };
  const keep = () =>
    save(
      `${stamped("rules")}.csv`,
      "text/csv",
      csv(
        RULE_SORTS.map((name) => t(`rules.column.${name}`)),
        shown.map((rule) => [rule.sid, nameOf(rule, i18n.language), rule.severity, rule.technique, rule.day, rule.week, rule.month, rule.alerts, precision(rule), rule.hidden, rule.last]),
      ),
    );
  const refresh = () => {
    void rules.refetch();
    void hits.refetch();
  };
  useKeys({ "/": () => box.current?.focus(), r: refresh });
  useEffect(() => {
    document.title = `${t("nav.rules")} – Mắt Lưới`;
  }, [t]);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.rules")}</h1>
        <label className="rules__search">
          <Search aria-hidden />
          <span className="hidden">{t("rules.search")}</span>
          <input ref={box} className="input" type="search" placeholder={t("rules.searchHint")} value={search.q ?? ""} onChange={(event) => change({ q: event.target.value || undefined })} />
        </label>
        <select className="select rules__shown" aria-label={t("rules.show")} value={search.show ?? "all"} onChange={(event) => change({ show: SHOWN.find((one) => one === event.target.value && one !== "all") })}>
          {SHOWN.map((one) => (
            <option key={one} value={one}>
              {t(`rules.shown.${one}`)}
            </option>
          ))}
        </select>
        <Link to="/rule-sets" className={`${buttonClass()} rules__links`}>
          <FilePenLine aria-hidden /> {t("bench.sets")}
        </Link>
        {author && (
          <Link to="/rule-feeds" className={`${buttonClass()} rules__links`}>
            <CloudDownload aria-hidden /> {t("feeds.link")}
          </Link>
        )}
        <Link to="/rule-hunts" className={`${buttonClass()} rules__links`}>
          <Radar aria-hidden /> {t("ruleHunts.link")}
        </Link>
        <span className="spring" />
        <span className="muted" role="status">
          {t("rules.count", { count: shown.length, all: number(rules.data?.length ?? 0, i18n.language) })}
        </span>
        <IconButton label={t("table.save", { table: t("nav.rules") })} onClick={keep}>
          <Download aria-hidden />
        </IconButton>
      </div>
      {rules.isPending ? (
        <Loading rows={12} />
      ) : rules.isLoadingError ? (
        <Failure error={rules.error} retry={() => void rules.refetch()} />
      ) : shown.length === 0 ? (
        <Empty title={t("rules.none")} icon={ScrollText}>
          <p>{t("alerts.noneMatchHint")}</p>
        </Empty>
      ) : (
        <List rules={shown} about={hits.data?.partial === true} sort={search.sort ?? "alerts"} turned={search.turned ?? false} onSort={turn} />
      )}
    </div>
  );
}

const nameOf = (rule: Rule, language: string) => (rule.title ? rule.title[language === "en" ? "en" : "vi"] : rule.signature);

function List({ rules, about, sort, turned, onSort }: { rules: readonly CountedRule[]; about: boolean; sort: RuleSort; turned: boolean; onSort: (sort: RuleSort) => void }) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  // The virtualizer hands out new functions on purpose.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({ count: rules.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 8 });
  return (
    <div className="rules" role="table" aria-label={t("nav.rules")} aria-rowcount={rules.length + 1}>
      <div role="rowgroup" className="rules__top">
        <div className="rules__row rules__head" role="row" aria-rowindex={1}>
          {RULE_SORTS.map((name) => {
            const down = FROM_THE_GREATEST.includes(name) !== turned;
            return (
              <span key={name} role="columnheader" className={NUMERIC.includes(name) ? "numeric" : undefined} aria-sort={name === sort ? (down ? "descending" : "ascending") : undefined}>
                <button type="button" className="sort" onClick={() => onSort(name)}>
                  {t(`rules.column.${name}`)}
                  {name === sort && (down ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
                </button>
              </span>
            );
          })}
        </div>
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="rules__scroll" ref={scroller} role="rowgroup" tabIndex={0}>
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const rule = rules[index];
            return rule && <Row key={`${rule.gid}-${rule.sid}`} rule={rule} about={about} index={index} start={start} />;
          })}
        </div>
      </div>
    </div>
  );
}

/** `about`: hits are at least as many as told. */
function Row({ rule, about, index, start }: { rule: CountedRule; about: boolean; index: number; start: number }) {
  const { t, i18n } = useTranslation();
  const right = precision(rule);
  return (
    <div role="row" aria-rowindex={index + 2} className="rules__row" style={{ position: "absolute", top: 0, left: 0, right: 0, height: ROW, transform: `translateY(${start}px)` }}>
      <span role="cell" className="mono">
        {rule.sid}
      </span>
      <span role="cell" className="rules__name">
        <Link to="/rules/$sid" params={{ sid: String(rule.sid) }} className="cut">
          {nameOf(rule, i18n.language)}
        </Link>
        <span className="muted cut">{rule.title ? rule.signature : rule.category}</span>
      </span>
      <span role="cell">{rule.severity ? <Severity level={rule.severity} /> : <span className="muted">–</span>}</span>
      <span role="cell">{rule.technique ? <span className="tag">{rule.technique}</span> : <span className="muted">–</span>}</span>
      {HITS.map((span) => {
        const hits = rule[span];
        return (
          <span key={span} role="cell" className="numeric">
            {hits ? (
              <Link to="/hunt" search={{ q: `sid:${rule.sid}`, from: SPANS[span], class: "alert" }}>
                {about && "≈"}
                {compact(hits, i18n.language)}
              </Link>
            ) : (
              <span className="muted">{hits ?? "–"}</span>
            )}
          </span>
        );
      })}
      <span role="cell" className="numeric">
        {rule.alerts > 0 ? (
          <Link to="/alerts" search={{ q: `sid:${rule.sid}` }}>
            {compact(rule.alerts, i18n.language)}
          </Link>
        ) : (
          "0"
        )}
      </span>
      <span role="cell" className="rules__precision">
        {right === undefined ? (
          <span className="muted">{t("rules.unjudged")}</span>
        ) : (
          <>
            <meter min={0} max={1} low={0.3} high={0.7} optimum={1} value={right} aria-label={t("rules.column.precision")} />
            <span className="tabular">
              {percent(right, i18n.language)} <span className="muted">({number(rule.closed, i18n.language)})</span>
            </span>
          </>
        )}
      </span>
      <span role="cell" className="numeric">
        {rule.hide_rules > 0 && (
          <span className="tag tag--warn" title={t("rules.hideRules", { count: rule.hide_rules })}>
            <EyeOff aria-hidden /> {number(rule.hide_rules, i18n.language)}
          </span>
        )}{" "}
        {rule.hidden > 0 ? compact(rule.hidden, i18n.language) : <span className="muted">–</span>}
      </span>
      <span role="cell" className="muted nowrap">
        {rule.last ? ago(rule.last, i18n.language) : "–"}
      </span>
    </div>
  );
}
