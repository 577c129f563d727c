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
import { SortedTable } from "@/ui/sorted-table";
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
          <div className="card">
            <Table rules={rules.data} />
          </div>
        )}
      </div>
    </div>
  );
}

function Table({ rules }: { rules: readonly HideRule[] }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const { end } = useHiding();
  return (
    <SortedTable
      caption={t("hide.rules")}
      name="hide-rules"
      items={rules}
      rowKey={(rule) => rule.id}
      rowClass={(rule) => (rule.standing ? undefined : "is-over")}
      columns={[
        {
          head: t("hide.conditions"),
          value: (rule) => rule.conditions.map((one) => `${t(`hide.fields.${one.field}`)} ${t(`hide.tests.${one.test}`)} ${one.values.join(", ")}`).join("; "),
          cell: (rule) => (
            <ul className="hide__told">
              {rule.conditions.map((one, index) => (
                <li key={index}>
                  {t(`hide.fields.${one.field}`)} <span className="muted">{t(`hide.tests.${one.test}`)}</span> <span className="mono">{one.values.join(", ")}</span>
                </li>
              ))}
            </ul>
          ),
        },
        { head: t("close.reason"), value: (rule) => rule.reason },
        {
          head: t("hide.owner"),
          value: (rule) => rule.owner,
          cell: (rule) => (
            <>
              {rule.owner}
              <br />
              <span className="muted">{shortTime(rule.created, undefined, zone)}</span>
            </>
          ),
        },
        {
          head: t("hide.expires"),
          value: (rule) => rule.ended ?? rule.expires,
          cell: (rule) => (
            <>
              {rule.standing ? (
                <span className="tag tag--good">{t("hide.standing")}</span>
              ) : (
                <span className="tag">{rule.ended ? t("hide.endedBy", { user: rule.ended_by }) : t("hide.expired")}</span>
              )}
              <br />
              <span className="muted tabular">{dateTime(rule.ended ?? rule.expires, zone)}</span>
            </>
          ),
        },
        {
          head: t("hide.hits"),
          value: (rule) => rule.hits,
          cell: (rule) => (
            <>
              <Link to="/alerts" search={{ tab: "hidden", q: `hidden:${rule.id}` }}>
                {number(rule.hits, i18n.language)}
              </Link>
              <br />
              <span className="muted">{rule.last_hit ? ago(rule.last_hit, i18n.language) : "–"}</span>
            </>
          ),
          numeric: true,
        },
      ]}
      actions={(rule) =>
        rule.standing &&
        analyst && (
          <Button size="small" onClick={() => end.mutate(rule.id)} disabled={end.isPending}>
            <Eye aria-hidden /> {t("hide.end")}
          </Button>
        )
      }
      empty={null}
    />
  );
}
