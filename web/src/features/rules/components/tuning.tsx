/** What hides alerts of a rule, why, and until when. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { buttonClass, Card, Failure, Loading } from "@/ui/basics";
import { hidingQuery } from "../api";

export function Tuning({ sid }: { sid: number }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const hiding = useQuery(hidingQuery(sid));
  return (
    <Card
      title={t("rules.tuning")}
      aside={
        <Link to="/hide-rules" className={buttonClass("quiet", "small")}>
          {t("hide.rules")}
        </Link>
      }
    >
      {hiding.isPending ? (
        <Loading rows={2} />
      ) : hiding.isLoadingError ? (
        <Failure small error={hiding.error} retry={() => void hiding.refetch()} />
      ) : hiding.data.length === 0 ? (
        <p className="muted">{t("rules.noTuning")}</p>
      ) : (
        <ul className="rules__hiding">
          {hiding.data.map((rule) => (
            <li key={rule.id}>
              <span className={rule.standing ? "tag tag--good" : "tag"}>{rule.standing ? t("hide.standing") : t("hide.expired")}</span>{" "}
              {rule.conditions.map((one, index) => (
                <span key={index}>
                  {index > 0 && " · "}
                  {t(`hide.fields.${one.field}`)} <span className="muted">{t(`hide.tests.${one.test}`)}</span> <span className="mono">{one.values.join(", ")}</span>
                </span>
              ))}
              <p className="muted">
                {rule.reason} – {rule.owner}, {dateTime(rule.ended ?? rule.expires, zone)} ·{" "}
                <Link to="/alerts" search={{ tab: "hidden", q: `hidden:${rule.id}` }}>
                  {t("rules.hits", { count: rule.hits, shown: number(rule.hits, i18n.language) })}
                </Link>
              </p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
