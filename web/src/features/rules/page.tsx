/** One rule: what it looks for, what came of it, and its text. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft, Bell, Copy, SearchCode } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { number, percent } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { ago } from "@/lib/time";
import { Button, buttonClass, Card, Empty, Failure, Loading, Severity } from "@/ui/basics";
import { RuleText, RuleWords } from "@/ui/rule-text";
import { Unready } from "@/ui/unready";
import { useCopy } from "@/ui/value";
import { explanationQuery, precision, ruleQuery } from "./api";
import { Holders } from "./components/holders";
import { PastDays } from "./components/past-days";
import { Tuning } from "./components/tuning";
import "./rules.css";

const route = getRouteApi("/signed-in/rules/$sid");

export function RulePage() {
  const { t, i18n } = useTranslation();
  const sid = Number(route.useParams().sid);
  const navigate = route.useNavigate();
  const copy = useCopy();
  const found = useQuery(ruleQuery(sid));
  const rule = found.data?.rule;
  useKeys({ u: () => void navigate({ to: "/rules" }) });
  useEffect(() => {
    if (rule) document.title = `sid ${rule.sid} – Mắt Lưới`;
  }, [rule]);
  const back = (
    <Link to="/rules" className={buttonClass("quiet")} aria-label={t("rules.back")}>
      <ArrowLeft aria-hidden />
    </Link>
  );
  if (!found.data || !rule) return <Unready title={`sid ${sid}`} back={back} found={found} />;
  const language = i18n.language === "en" ? "en" : "vi";
  const { text, guidance } = found.data;
  const right = precision(rule);
  return (
    <div className="page">
      <div className="page__head detail__head">
        {back}
        {rule.severity && <Severity level={rule.severity} />}
        <div className="detail__title">
          <h1>{rule.title ? rule.title[language] : rule.signature}</h1>
          <p className="muted cut">
            {rule.title ? rule.signature : rule.category} · sid {rule.sid}
          </p>
        </div>
        <Link className={buttonClass()} to="/alerts" search={{ q: `sid:${rule.sid}` }}>
          <Bell aria-hidden /> {t("rules.alerts")}
        </Link>
        <Link className={buttonClass()} to="/hunt" search={{ q: `sid:${rule.sid}`, from: "now-7d" }}>
          <SearchCode aria-hidden /> {t("detail.hunt")}
        </Link>
      </div>
      <div className="page__body">
        <div className="detail">
          <div className="detail__main">
            {guidance && (
              <Card title={t("story.why")}>
                <p>{guidance.meaning[language]}</p>
                <h3 className="rules__h3">{t("story.do")}</h3>
                <ul className="rules__checks">
                  {guidance.check[language].map((step) => (
                    <li key={step}>{step}</li>
                  ))}
                </ul>
                <h3 className="rules__h3">{t("story.cause")}</h3>
                <p>{guidance.cause[language]}</p>
              </Card>
            )}
            <Card
              title={t("evidence.rule")}
              aside={
                text && (
                  <Button size="small" onClick={() => copy(text)}>
                    <Copy aria-hidden /> {t("value.copy")}
                  </Button>
                )
              }
            >
              {text ? (
                <RuleText text={text} />
              ) : (
                <Empty small title={t("evidence.noRule")} />
              )}
            </Card>
            {text && <Explanation sid={rule.sid} language={language} />}
            <PastDays sid={rule.sid} />
            <Tuning sid={rule.sid} />
          </div>
          <div className="detail__side">
            <Card title={t("rules.figures")}>
              <dl className="pairs">
                <dt>{t("rolled.alerts")}</dt>
                <dd>{number(rule.alerts, i18n.language)}</dd>
                <dt>{t("rolled.groups")}</dt>
                <dd>{number(rule.groups, i18n.language)}</dd>
                <dt>{t("rules.column.last")}</dt>
                <dd>{rule.last ? ago(rule.last, i18n.language) : "–"}</dd>
                <dt>{t("rules.column.precision")}</dt>
                <dd>{right === undefined ? t("rules.unjudged") : t("rules.right", { share: percent(right, i18n.language), right: rule.true_positive, closed: rule.closed })}</dd>
                <dt>{t("rules.column.hidden")}</dt>
                <dd>
                  {number(rule.hidden, i18n.language)}
                </dd>
                <dt>{t("rules.column.technique")}</dt>
                <dd>{rule.technique ?? "–"}</dd>
                <dt>{t("hide.fields.category")}</dt>
                <dd>{rule.category}</dd>
              </dl>
            </Card>
            <Holders sid={rule.sid} sets={found.data.sets} />
          </div>
        </div>
      </div>
    </div>
  );
}

function Explanation({ sid, language }: { sid: number; language: "vi" | "en" }) {
  const { t } = useTranslation();
  const told = useQuery(explanationQuery(sid, language));
  return (
    <Card title={t("ruleWords.title")}>
      {told.isPending ? <Loading rows={4} /> : told.isLoadingError ? <Failure small error={told.error} retry={() => void told.refetch()} /> : <RuleWords told={told.data} />}
    </Card>
  );
}
