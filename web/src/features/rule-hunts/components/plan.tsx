/** How rules will be looked for, and what is wrong with them. */
import { CircleAlert, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { Card } from "@/ui/basics";

export function PlanView({ plan }: { plan: Schemas["RuleHuntPlan"] }) {
  const { t } = useTranslation();
  return (
    <Card title={t("ruleHunts.plan")}>
      {plan.faults.length > 0 && (
        <ul className="rule-hunts__faults" aria-label={t("ruleHunts.faults")}>
          {plan.faults.map((fault, index) => (
            <li key={index} className={fault.severity === "error" ? "rule-hunts__bad" : "rule-hunts__warn"}>
              {fault.severity === "error" ? <CircleAlert aria-hidden /> : <TriangleAlert aria-hidden />}
              <span>
                <span className="tabular">{t("ruleHunts.place", { line: fault.line, column: fault.column })}</span> {fault.reason}
              </span>
            </li>
          ))}
        </ul>
      )}
      <ul className="rule-hunts__plan">
        {plan.rules.map((rule, index) => (
          <li key={index}>
            <p>
              <span className="strong">{rule.title}</span> <span className={`tag${rule.method === "none" ? " tag--warn" : ""}`}>{t(`ruleHunts.method.${method(rule.method)}`)}</span>
            </p>
            {rule.query && <p className="mono rule-hunts__query">{rule.query}</p>}
            {rule.left_out.length > 0 && <p className="muted">{t("ruleHunts.leftOut", { what: rule.left_out.join(", ") })}</p>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

const METHODS = ["query", "scan", "rules", "none"] as const;

export function method(name: string): (typeof METHODS)[number] {
  return METHODS.find((one) => one === name) ?? "none";
}
