/** A table of values about the thing, each leading on. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { SquareArrowOutUpRight, Table2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { compact, number } from "@/lib/format";
import { pivotOf } from "@/lib/pivot";
import { usePrefs } from "@/lib/prefs";
import { withCondition, withTable } from "@/lib/query";
import { sensorNamesQuery } from "@/lib/sensor-names";
import { dayTime } from "@/lib/time";
import { Card, Severity } from "@/ui/basics";
import { MenuItem } from "@/ui/menu";
import { Value } from "@/ui/value";
import { USUAL_FROM, type AboutSearch } from "../route";

export function PanelCard({ panel, about, search, fresh }: { panel: Schemas["Panel"]; about: string; search: AboutSearch; fresh?: boolean }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const navigate = useNavigate();
  const sensors = useQuery(sensorNamesQuery);
  const range = { from: search.from ?? USUAL_FROM, to: search.to };
  const title = t(`pivot.panel.${panel.id}`);
  // Beside a signature's name its number says nothing more.
  const fields = panel.fields.map((field, at) => [field, at] as const).filter(([field]) => field !== "alert.signature_id");
  const nameOf = (field: string, value: string) => (field === "matluoi.sensor" ? (sensors.data?.get(value) ?? value) : value);
  return (
    <Card
      bare
      title={title}
      className={`about__panel ${fresh ? "is-fresh" : ""}`}
      aside={
        <Link to="/hunt" search={{ q: withTable(about, panel.fields), ...range }} className="about__all" title={t("about.asTable")} aria-label={`${t("about.asTable")}: ${title}`}>
          <Table2 aria-hidden /> {compact(panel.different, i18n.language)}
        </Link>
      }
    >
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="scroll" tabIndex={0} role="group" aria-label={title}>
        <table className="table">
          <caption className="hidden">{title}</caption>
          <thead className="hidden">
            <tr>
              {fields.map(([field]) => (
                <th key={field}>{field}</th>
              ))}
              <th>{t("about.last")}</th>
              <th>{t("hunt.count")}</th>
            </tr>
          </thead>
          <tbody>
            {panel.rows.map((row) => (
              <tr key={row.values.join("\u0000")}>
                {fields.map(([field, at]) => {
                  const value = row.values[at] ?? "";
                  const page = pivotOf(field, value);
                  if (field === "alert.severity") {
                    return (
                      <td key={field}>
                        <Severity level={Number(value)} />
                      </td>
                    );
                  }
                  return (
                    <td key={field}>
                      <Value
                        text={value}
                        mono
                        onHunt={() => void navigate({ to: "/hunt", search: { q: withCondition(about, field, value, "include"), ...range } })}
                        more={
                          page && (
                            <MenuItem icon={SquareArrowOutUpRight} onSelect={() => void navigate({ to: "/about/$kind/$value", params: { kind: page, value }, search })}>
                              {t(`pivot.open.${page}`)}
                            </MenuItem>
                          )
                        }
                      >
                        {page ? (
                          <Link to="/about/$kind/$value" params={{ kind: page, value }} search={search}>
                            {value}
                          </Link>
                        ) : (
                          nameOf(field, value)
                        )}
                      </Value>
                    </td>
                  );
                })}
                <td className="muted nowrap tabular" title={`${t("about.first")}: ${dayTime(row.first, zone)}`}>
                  {dayTime(row.last, zone)}
                </td>
                <td className="numeric tabular">{number(row.count, i18n.language)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
