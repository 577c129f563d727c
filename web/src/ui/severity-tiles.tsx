/** How many groups nobody has looked at, by severity: on the overview, and on the wall. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { compact, number } from "@/lib/format";
import { SEVERITIES, Severity } from "@/ui/basics";

/** Without a summary the figures are not known, which is not none. */
export function SeverityTiles({ summary, linked }: { summary: Schemas["SummaryBody"] | undefined; linked?: boolean }) {
  const { t, i18n } = useTranslation();
  return (
    <section className="tiles" aria-label={t("overview.new")}>
      {SEVERITIES.map((level) => {
        const found = summary?.severities.find((one) => one.severity === level);
        const look = `card tile tile--${level} ${found ? "" : "is-none"}`;
        const inside = (
          <>
            <Severity level={level} />
            <strong className="tabular">{summary ? compact(found?.groups ?? 0, i18n.language) : "–"}</strong>
            {summary && <span className="muted">{t("overview.groupsOf", { count: found?.groups ?? 0, alerts: number(found?.alerts ?? 0, i18n.language) })}</span>}
          </>
        );
        return linked ? (
          <Link key={level} to="/alerts" search={{ severity: [level] }} className={look}>
            {inside}
          </Link>
        ) : (
          <div key={level} className={look}>
            {inside}
          </div>
        );
      })}
    </section>
  );
}
