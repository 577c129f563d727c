/** Sigma rules over what is stored: what they would have hit in the last days. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft, Radar } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, buttonClass, Empty, Failure, Loading, useProblemText } from "@/ui/basics";
import { TimeRange } from "@/ui/time-range";
import { toast } from "@/ui/toasts";
import { huntQuery, planQuery, useHunt } from "./api";
import { Hunts } from "./components/hunts";
import { PlanView } from "./components/plan";
import { Result } from "./components/result";
import { Running } from "./components/running";
import { USUAL_FROM } from "./route";
import "./rule-hunts.css";

const route = getRouteApi("/signed-in/rule-hunts");
/** Typing rests this long before the rules are looked at. */
const REST = 400;

const EXAMPLE = `title: DNS tunnel
level: high
logsource:
  category: dns
detection:
  selection:
    query|endswith: '.example'
  condition: selection
`;

export function RuleHuntsPage() {
  const { t } = useTranslation();
  const id = useId();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const problem = useProblemText();
  const shown = useQuery(huntQuery(search.hunt));
  const make = useHunt();
  const [written, setWritten] = useState<string>();
  const [scan, setScan] = useState(false);
  const text = written ?? shown.data?.text ?? "";
  const settled = useSettled(text);
  const plan = useQuery(planQuery(settled));
  const from = search.from ?? USUAL_FROM;
  const to = search.to ?? "now";
  const faulty = plan.data?.faults.some((fault) => fault.severity === "error") ?? false;
  const runs = plan.data?.rules.some((rule) => rule.kind === "rule" && rule.method !== "none") ?? false;
  useEffect(() => {
    document.title = `${t("ruleHunts.title")} – Mắt Lưới`;
  }, [t]);
  const open = (hunt: string | undefined) => {
    setWritten(undefined);
    void navigate({ search: (before) => ({ ...before, hunt }), replace: true });
  };
  const begin = () =>
    make.mutate(
      { text, from, to, scan },
      {
        onSuccess: (made) => void navigate({ search: (before) => ({ ...before, hunt: made.id }) }),
        onError: (error) => toast({ text: problem(error), bad: true }),
      },
    );
  return (
    <div className="page">
      <div className="page__head">
        <Link to="/rules" className={buttonClass("quiet")}>
          <ArrowLeft aria-hidden /> {t("nav.rules")}
        </Link>
        <h1>{t("ruleHunts.title")}</h1>
        <span className="spring" />
        <TimeRange from={from} to={to} onChange={(begun, ended) => void navigate({ search: (before) => ({ ...before, from: begun, to: ended }), replace: true })} />
      </div>
      <div className="page__body rule-hunts">
        <div className="rule-hunts__side">
          <div className="card rule-hunts__write">
            <div className="field">
              <label htmlFor={id}>{t("ruleHunts.rules")}</label>
              <textarea id={id} className="textarea mono rule-hunts__text" spellCheck={false} value={text} placeholder={EXAMPLE} onChange={(event) => setWritten(event.target.value)} />
            </div>
            <label className="rule-hunts__check">
              <input type="checkbox" checked={scan} onChange={(event) => setScan(event.target.checked)} /> {t("ruleHunts.scan")}
            </label>
            <p className="muted">{t("ruleHunts.scanHint")}</p>
            <Button look="primary" disabled={text.trim() === "" || settled !== text || plan.isFetching || faulty || !runs || make.isPending} onClick={begin}>
              <Radar aria-hidden /> {t("ruleHunts.begin")}
            </Button>
          </div>
          {text.trim() !== "" && plan.data && <PlanView plan={plan.data} />}
          {plan.error && <Failure small error={plan.error} />}
          <Hunts shown={search.hunt} onOpen={open} />
          <Running />
        </div>
        <div className="rule-hunts__main">
          {search.hunt === undefined ? (
            <Empty title={t("ruleHunts.none")} icon={Radar}>
              <p>{t("ruleHunts.noneHint")}</p>
            </Empty>
          ) : shown.isPending ? (
            <Loading rows={8} />
          ) : shown.data ? (
            <Result hunt={shown.data} />
          ) : (
            <Failure error={shown.error} retry={() => void shown.refetch()} />
          )}
        </div>
      </div>
    </div>
  );
}

/** A text once it has rested. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), REST);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
