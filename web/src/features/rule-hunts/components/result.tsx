/** What rules would have hit. */
import { Link } from "@tanstack/react-router";
import { Square } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number, percent } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty, Partial, Spark, useProblemText } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { byDay, useCancelHunt, type FoundRule, type RuleHunt } from "../api";
import { status } from "./hunts";
import { method } from "./plan";

export function Result({ hunt }: { hunt: RuleHunt }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const cancel = useCancelHunt();
  const problem = useProblemText();
  const { found } = hunt;
  const running = hunt.status === "running";
  return (
    <>
      <Card
        title={t(`ruleHunts.status.${status(hunt)}`)}
        aside={
          running && (
            <Button size="small" disabled={cancel.isPending} onClick={() => cancel.mutate(hunt.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
              <Square aria-hidden /> {t("ruleHunts.stop")}
            </Button>
          )
        }
      >
        <progress className="rule-hunts__progress" max={1} value={found.share} aria-label={t("ruleHunts.progress")}>
          {percent(found.share, i18n.language)}
        </progress>
        <p role="status">
          {t("ruleHunts.looked", {
            looked: number(found.looked_at, i18n.language),
            from: dateTime(hunt.from, zone),
            to: dateTime(running && found.through ? found.through : hunt.to, zone),
          })}
        </p>
        {found.slices_scanned > 0 && <p className="muted">{t("ruleHunts.scanned", { count: found.slices_scanned })}</p>}
        {found.unreadable > 0 && <p className="muted">{t("ruleHunts.unreadable", { count: found.unreadable })}</p>}
        {!found.complete && <Partial>{t("ruleHunts.incomplete")}</Partial>}
        {found.archived && <Partial>{t("archive.leftOut", { count: found.archived.days })}</Partial>}
      </Card>
      {found.rules.map((rule, index) => (
        <Found key={index} rule={rule} hunt={hunt} />
      ))}
    </>
  );
}

function Found({ rule, hunt }: { rule: FoundRule; hunt: RuleHunt }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const days = byDay(rule.days, hunt.from, hunt.to);
  const hit = days.filter((day) => day.hits > 0).length;
  return (
    <Card title={rule.title} aside={<span className={`tag ${rule.hits > 0 ? "tag--warn" : "tag--good"}`}>{t("ruleHunts.hits", { count: rule.hits, shown: number(rule.hits, i18n.language) })}</span>}>
      <p className="muted">
        {t(`ruleHunts.method.${method(rule.method)}`)}
        {rule.level && ` · ${rule.level}`}
        {rule.first && rule.last && ` · ${t("ruleHunts.between", { first: dateTime(rule.first, zone), last: dateTime(rule.last, zone) })}`}
      </p>
      {rule.hits > 0 && (
        <>
          <div className="rule-hunts__days">
            <Spark counts={days.map((day) => day.hits)} label={t("ruleHunts.onDays", { count: hit, all: days.length })} />
            <span className="muted">{t("ruleHunts.onDays", { count: hit, all: days.length })}</span>
          </div>
          <SortedTable
            caption={t("ruleHunts.examples")}
            name="rule-hunt"
            items={rule.examples}
            rowKey={(one) => `${one.at} ${one.event_id ?? ""} ${Object.values(one.group).join(" ")}`}
            columns={[
              {
                head: t("ruleHunts.at"),
                value: (one) => one.at,
                cell: (one) =>
                  one.event_id ? (
                    <Link to="/hunt" search={{ q: `matluoi.id:"${one.event_id}"`, from: hunt.from, to: hunt.to, open: one.event_id }} className="tabular nowrap">
                      {dateTime(one.at, zone)}
                    </Link>
                  ) : (
                    <span className="tabular nowrap">{dateTime(one.at, zone)}</span>
                  ),
              },
              { head: t("ruleHunts.kind"), value: (one) => one.event_type },
              { head: t("endpoint.source"), value: (one) => one.src_ip, cell: (one) => <span className="mono">{one.src_ip}</span> },
              { head: t("endpoint.destination"), value: (one) => one.dest_ip, cell: (one) => <span className="mono">{one.dest_ip}</span> },
              {
                head: t("ruleHunts.group"),
                value: (one) =>
                  Object.entries(one.group)
                    .map(([name, value]) => `${name}: ${value}`)
                    .join(", "),
              },
            ]}
            empty={<Empty small title={t("ruleHunts.noExamples")} />}
          />
        </>
      )}
    </Card>
  );
}
