/** Writing: the editor, what is wrong, and what the rule at the caret does. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX, TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { EditorView } from "@codemirror/view";
import { faultText } from "@/lib/faults";
import { useRights } from "@/lib/session";
import { Button, Card, useProblemText } from "@/ui/basics";
import { RuleWords } from "@/ui/rule-text";
import { checkQuery, explainQuery, type Remark } from "../api";
import { placeOf, placeOfRule, ruleAt } from "../place";
import { RuleEditor } from "./editor";

/** The engine is asked once somebody pauses. */
const PAUSE_MS = 500;
const SHOWN = 100;

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

interface WriteProps {
  text: string;
  onText: (text: string) => void;
  readOnly: boolean;
  /** The rule that is shown first. */
  sid: number | undefined;
}

export function Write({ text, onText, readOnly, sid }: WriteProps) {
  const { t, i18n } = useTranslation();
  const { author } = useRights();
  const problem = useProblemText();
  const language = i18n.language === "en" ? "en" : "vi";
  const [caret, setCaret] = useState(0);
  const view = useRef<EditorView>(undefined);
  const settled = useSettled(text);
  const check = useQuery({ ...checkQuery(settled, language), enabled: author });
  const checked = check.isPlaceholderData ? undefined : check.data;
  const rule = useSettled(ruleAt(text, caret).rule.trim());
  const isRule = /^(?:#\s*)?(?:alert|pass|drop|reject|config)\b.*\(.*\)$/.test(rule);
  const explained = useQuery({ ...explainQuery(rule.replace(/^#\s*/, ""), language), enabled: author && isRule });
  const show = (at: number) => {
    view.current?.dispatch({ selection: { anchor: Math.min(at, text.length) }, scrollIntoView: true });
    view.current?.focus();
  };
  const jump = (remark: Remark) => show(placeOf(text.split("\n"), remark.line, remark.column));
  const onView = (made: EditorView | undefined) => {
    view.current = made;
    const at = made && sid !== undefined ? placeOfRule(text, sid) : undefined;
    if (at !== undefined) show(at);
  };
  return (
    <div className="bench__write">
      <RuleEditor text={text} readOnly={readOnly} checked={checked} onText={onText} onCaret={setCaret} onView={onView} />
      <div className="bench__side">
        {author && (
          <Card title={t("bench.check")} aside={checked && <Sum loaded={checked.loaded} failed={checked.failed} warnings={checked.warnings.length} />}>
            {check.isError ? (
              <p className="field__error" role="alert">
                {problem(check.error)}
              </p>
            ) : !checked ? (
              <p className="muted" role="status">
                {t("bench.checking")}
              </p>
            ) : checked.failures.length + checked.warnings.length === 0 ? (
              <p className="muted">{t("bench.noFaults")}</p>
            ) : (
              <ul className="bench__remarks">
                {checked.failures.slice(0, SHOWN).map((one, index) => (
                  <Told key={`f${index}`} remark={one} bad onJump={jump} />
                ))}
                {checked.warnings.slice(0, SHOWN).map((one, index) => (
                  <Told key={`w${index}`} remark={one} onJump={jump} />
                ))}
              </ul>
            )}
          </Card>
        )}
        {author && (
          <Card title={t("bench.explained")}>
            {!isRule ? (
              <p className="muted">{t("bench.explainHint")}</p>
            ) : explained.isError ? (
              <p className="muted">{problem(explained.error)}</p>
            ) : (
              (explained.data?.[0] && <RuleWords told={explained.data[0]} />) || (
                <p className="muted" role="status">
                  {explained.isPending ? t("bench.checking") : t("bench.faulty")}
                </p>
              )
            )}
          </Card>
        )}
      </div>
    </div>
  );
}

function Sum({ loaded, failed, warnings }: { loaded: number; failed: number; warnings: number }) {
  const { t } = useTranslation();
  return (
    <span className="bench__sum" role="status">
      <span className={failed === 0 ? "tag tag--good" : "tag"}>{t("bench.loaded", { count: loaded })}</span>
      {failed > 0 && <span className="tag tag--bad">{t("bench.failed", { count: failed })}</span>}
      {warnings > 0 && <span className="tag tag--warn">{t("bench.warnings", { count: warnings })}</span>}
    </span>
  );
}

function Told({ remark, bad, onJump }: { remark: Remark; bad?: boolean; onJump: (remark: Remark) => void }) {
  const { t, i18n } = useTranslation();
  const Icon = bad ? CircleX : TriangleAlert;
  return (
    <li>
      <Button look="quiet" size="small" className="bench__remark" onClick={() => onJump(remark)}>
        <Icon className={bad ? "bench__bad" : "bench__warn"} aria-label={t(bad ? "bench.fault" : "bench.warning")} />
        <span>
          <span className="muted tabular">{t("bench.line", { line: remark.line })}</span> {faultText(remark.reason, remark.keyword, i18n.language)}
        </span>
      </Button>
    </li>
  );
}

export function Fired({ alerts, matches }: { alerts: number; matches: number }) {
  const { t } = useTranslation();
  if (alerts > 0)
    return (
      <span className="tag tag--good">
        <CircleCheck aria-hidden /> {t("bench.fired", { count: alerts })}
      </span>
    );
  return <span className={matches > 0 ? "tag tag--warn" : "tag"}>{t(matches > 0 ? "bench.held" : "bench.silent")}</span>;
}
