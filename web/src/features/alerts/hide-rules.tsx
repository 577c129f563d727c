/** The rules that hide alerts: what they hide, why, whose they are, and until when. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowLeft, Eye, EyeOff } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { ago, dateTime, shortTime } from "@/lib/time";
import { Button, buttonClass, Empty, Failure, Loading } from "@/ui/basics";
import { hideRulesQuery, useHiding, type HideRule } from "./api";
import "./alerts.css";

export function HideRulesPage() {
  const { t } = useTranslation();
  const rules = useQuery(hideRulesQuery);
  useEffect(() => {
    document.title = `${t("hide.rules")} – Mắt Lưới`;
  }, [t]);
  return (
    <div className="page">
      <div className="page__head">
        <Link to="/alerts" search={{ tab: "hidden" }} className={buttonClass("quiet")}>
          <ArrowLeft aria-hidden /> {t("status.hidden")}
        </Link>
        <h1>{t("hide.rules")}</h1>
      </div>
      <div className="page__body">
        {rules.isPending ? (
          <Loading rows={6} />
        ) : rules.isLoadingError ? (
          <Failure error={rules.error} retry={() => void rules.refetch()} />
        ) : rules.data.length === 0 ? (
          <Empty title={t("hide.none")} icon={EyeOff}>
            <p>{t("hide.noneHint")}</p>
          </Empty>
        ) : (
          <div className="card scroll">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{t("hide.conditions")}</th>
                  <th scope="col">{t("close.reason")}</th>
                  <th scope="col">{t("hide.owner")}</th>
                  <th scope="col">{t("hide.expires")}</th>
                  <th scope="col" className="numeric">
                    {t("hide.hits")}
                  </th>
                  <th scope="col">
                    <span className="hidden">{t("detail.actions")}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {rules.data.map((rule) => (
                  <Row key={rule.id} rule={rule} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </div>
  );
}

function Row({ rule }: { rule: HideRule }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const { end } = useHiding();
  return (
    <tr className={rule.standing ? "" : "is-over"}>
      <td>
        <ul className="hide__told">
          {rule.conditions.map((one, index) => (
            <li key={index}>
              {t(`hide.fields.${one.field}`)} <span className="muted">{t(`hide.tests.${one.test}`)}</span> <span className="mono">{one.values.join(", ")}</span>
            </li>
          ))}
        </ul>
      </td>
      <td>{rule.reason}</td>
      <td>
        {rule.owner}
        <br />
        <span className="muted">{shortTime(rule.created, undefined, zone)}</span>
      </td>
      <td>
        {rule.standing ? (
          <span className="tag tag--good">{t("hide.standing")}</span>
        ) : (
          <span className="tag">{rule.ended ? t("hide.endedBy", { user: rule.ended_by }) : t("hide.expired")}</span>
        )}
        <br />
        <span className="muted tabular">{dateTime(rule.ended ?? rule.expires, zone)}</span>
      </td>
      <td className="numeric">
        <Link to="/alerts" search={{ tab: "hidden", q: `hidden:${rule.id}` }}>
          {number(rule.hits, i18n.language)}
        </Link>
        <br />
        <span className="muted">{rule.last_hit ? ago(rule.last_hit, i18n.language) : "–"}</span>
      </td>
      <td>
        {rule.standing && analyst && (
          <Button size="small" onClick={() => end.mutate(rule.id)} disabled={end.isPending}>
            <Eye aria-hidden /> {t("hide.end")}
          </Button>
        )}
      </td>
    </tr>
  );
}
