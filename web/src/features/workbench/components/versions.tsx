/** What was kept: who, when, why. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { History, Undo2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, Empty } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { versionQuery, type RuleSet, type RuleVersion } from "../api";

export function Versions({ set, versions, onRestore }: { set: RuleSet; versions: readonly RuleVersion[]; onRestore?: (text: string) => void }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const queries = useQueryClient();
  const restore = async (number: number) => {
    const version = await queries.fetchQuery(versionQuery(set.id, number));
    onRestore?.(version.text);
  };
  return (
    <div className="card">
      <SortedTable
        caption={t("bench.tab.versions")}
        name="rule-versions"
        items={versions}
        rowKey={(one) => one.number}
        columns={[
          { head: t("bench.number"), value: (one) => one.number, numeric: true },
          { head: t("bench.at"), value: (one) => one.at, cell: (one) => <span className="tabular nowrap">{dateTime(one.at, zone)}</span> },
          { head: t("bench.who"), value: (one) => one.user },
          { head: t("bench.why"), value: (one) => one.why },
          { head: t("bench.ruleCount"), value: (one) => one.rules, numeric: true },
          { head: "SHA-256", value: (one) => one.hash, cell: (one) => <span className="mono" title={one.hash}>{one.hash.slice(0, 12)}</span> },
        ]}
        actions={(one) => (
          <>
            {!set.fed_by && (
              <Link to="/rule-sets/$set" params={{ set: String(set.id) }} search={{ tab: "diff", against: one.number }} className="button button--small button--quiet">
                {t("bench.compare", { number: one.number })}
              </Link>
            )}
            {onRestore && (
              <Button size="small" look="quiet" onClick={() => void restore(one.number)}>
                <Undo2 aria-hidden /> {t("bench.restore", { number: one.number })}
              </Button>
            )}
          </>
        )}
        empty={
          <Empty title={t("bench.noVersions")} icon={History}>
            <p>{t("bench.noVersionsHint")}</p>
          </Empty>
        }
      />
    </div>
  );
}
