/** Alerts by tactic and technique: what the attackers were doing, and how far they came. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Search, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { parentOf, rolledUp, TACTICS, TECHNIQUES } from "@/lib/attack";
import { compact, number } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { buttonClass, Card, Failure, IconButton, Loading, Partial } from "@/ui/basics";
import { TimeRange } from "@/ui/time-range";
import { countsQuery, detailQuery, techniqueQuery } from "./api";
import { USUAL_FROM, type AttackSearch } from "./route";
import "./attack.css";

const route = getRouteApi("/signed-in/attack");
const LEVELS = 5;

export function AttackPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const onlySeen = search.seen === true;
  const counts = useQuery(countsQuery(search));
  const vietnamese = i18n.language !== "en";
  useEffect(() => {
    document.title = `${t("nav.attack")} – Mắt Lưới`;
  }, [t]);
  const change = (part: Partial<AttackSearch>) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  useKeys({ Escape: () => change({ technique: undefined }) }, search.technique !== undefined);
  const rolled = rolledUp((counts.data?.tables[0]?.rows ?? []).map((row) => [row.values[0] ?? "", row.count] as const));
  const known = new Set(TECHNIQUES.map((one) => one.id));
  const others = [...rolled.keys()].filter((id) => !known.has(id)).sort();
  const most = Math.max(1, ...[...rolled.values()].map((one) => one.count));
  const level = (count: number) => (count === 0 ? 0 : Math.max(1, Math.ceil((Math.log(count + 1) / Math.log(most + 1)) * LEVELS)));
  const total = [...rolled.values()].reduce((sum, one) => sum + one.count, 0);
  const cell = (id: string, name: string) => {
    const found = rolled.get(id);
    const count = found?.count ?? 0;
    return (
      <li key={id}>
        <button
          type="button"
          className={`attack__cell attack__cell--${level(count)}`}
          aria-pressed={search.technique === id}
          title={found && found.parts.length > 0 ? found.parts.map(([part, of]) => `${part}: ${number(of, i18n.language)}`).join("\n") : undefined}
          onClick={() => change({ technique: search.technique === id ? undefined : id })}
        >
          <span className="attack__name">{name}</span>
          <span className="attack__id">
            <span className="mono">{id}</span>
            {count > 0 && <strong className="tabular">{compact(count, i18n.language)}</strong>}
          </span>
        </button>
      </li>
    );
  };
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("attack.title")}</h1>
        {counts.data && <span className="muted">{t("attack.total", { count: total, shown: number(total, i18n.language), techniques: number(rolled.size, i18n.language) })}</span>}
        <span className="spring" />
        <label className="check">
          <input type="checkbox" checked={onlySeen} onChange={(event) => change({ seen: event.target.checked ? true : undefined })} /> {t("attack.onlySeen")}
        </label>
        <TimeRange from={search.from ?? USUAL_FROM} to={search.to ?? "now"} onChange={(from, to) => change({ from: from === USUAL_FROM ? undefined : from, to: to === "now" ? undefined : to })} />
      </div>
      <div className="page__body">
        {counts.isPending ? (
          <Loading rows={12} />
        ) : counts.isLoadingError ? (
          <Failure error={counts.error} retry={() => void counts.refetch()} />
        ) : (
          <>
            {counts.data.partial && <Partial>{t("hunt.partialTables")}</Partial>}
            {search.technique && <Detail key={search.technique} technique={search.technique} search={search} onClose={() => change({ technique: undefined })} />}
            {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
            <div className="attack" tabIndex={0} role="group" aria-label={t("attack.title")}>
              {TACTICS.map((tactic) => {
                const techniques = TECHNIQUES.filter((one) => one.tactic === tactic.id);
                const sum = techniques.reduce((all, one) => all + (rolled.get(one.id)?.count ?? 0), 0);
                const shown = techniques
                  .filter((one) => !onlySeen || rolled.has(one.id))
                  .sort((a, b) => (rolled.get(b.id)?.count ?? 0) - (rolled.get(a.id)?.count ?? 0));
                return (
                  <section key={tactic.id} aria-label={vietnamese ? tactic.vi : tactic.en}>
                    <h2 className={sum > 0 ? "is-seen" : undefined}>
                      {vietnamese ? tactic.vi : tactic.en}
                      <span className="muted tabular">{sum > 0 ? compact(sum, i18n.language) : "–"}</span>
                    </h2>
                    <ul>{shown.map((one) => cell(one.id, vietnamese ? one.vi : one.en))}</ul>
                  </section>
                );
              })}
              {others.length > 0 && (
                <section aria-label={t("attack.others")}>
                  <h2 className="is-seen">{t("attack.others")}</h2>
                  <ul>{others.map((id) => cell(id, id))}</ul>
                </section>
              )}
            </div>
          </>
        )}
      </div>
    </div>
  );
}

function Detail({ technique, search, onClose }: { technique: string; search: AttackSearch; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const detail = useQuery(detailQuery(technique, search));
  const found = TECHNIQUES.find((one) => one.id === parentOf(technique));
  const name = found ? (i18n.language === "en" ? found.en : found.vi) : "";
  const range = { from: search.from ?? USUAL_FROM, to: search.to };
  const [signatures, sources, destinations] = detail.data?.tables ?? [];
  return (
    <Card
      title={`${technique} ${name}`}
      className="attack__detail"
      aside={
        <span className="attack__tools">
          <Link to="/hunt" search={{ q: techniqueQuery(technique), ...range }} className={buttonClass("plain", "small")}>
            <Search aria-hidden /> {t("about.hunt")}
          </Link>
          <IconButton look="quiet" size="small" label={t("common.close")} onClick={onClose}>
            <X aria-hidden />
          </IconButton>
        </span>
      }
    >
      {detail.isPending ? (
        <Loading rows={4} />
      ) : detail.isLoadingError ? (
        <Failure small error={detail.error} retry={() => void detail.refetch()} />
      ) : !signatures || signatures.rows.length === 0 ? (
        <p className="muted">{t("attack.none")}</p>
      ) : (
        <div className="attack__lists">
          <section>
            <h3>{t("pivot.panel.alerts")}</h3>
            <ul>
              {signatures.rows.map((row) => (
                <li key={row.values.join(" ")}>
                  <Link to="/alerts" search={{ q: `sid:${row.values[1]}` }} className="cut">
                    {row.values[0]}
                  </Link>
                  <span className="tabular">{number(row.count, i18n.language)}</span>
                </li>
              ))}
            </ul>
          </section>
          {([["attack.sources", sources], ["attack.destinations", destinations]] as const).map(([label, table]) => (
            <section key={label}>
              <h3>{t(label)}</h3>
              <ul>
                {table?.rows.map((row) => (
                  <li key={row.values[0]}>
                    <Link to="/about/$kind/$value" params={{ kind: "hosts", value: row.values[0] ?? "" }} className="mono">
                      {row.values[0]}
                    </Link>
                    <span className="tabular">{number(row.count, i18n.language)}</span>
                  </li>
                ))}
              </ul>
            </section>
          ))}
        </div>
      )}
    </Card>
  );
}
