/** What the newest run found, and the runs before. */
import { useTranslation } from "react-i18next";
import { faultText } from "@/lib/faults";
import { bytes, number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Card, Empty } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import type { Feed, FeedRun } from "../api";
import { Reason, Status } from "./status";

export function Runs({ feed, runs }: { feed: Feed; runs: readonly FeedRun[] }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const [newest] = runs;
  const sum = ({ changes }: FeedRun["report"]) => `+${changes.added + changes.enabled} −${changes.removed + changes.disabled} ~${changes.changed}`;
  return (
    <div className="feeds__runs">
      {newest && <Report feed={feed} run={newest} />}
      <Card title={t("feeds.runs")} bare>
        <SortedTable
          caption={t("feeds.runs")}
          name="feed-runs"
          items={runs}
          rowKey={(run) => run.id}
          columns={[
            { head: t("bench.at"), value: (run) => run.started, cell: (run) => <span className="tabular nowrap">{dateTime(run.started, zone)}</span> },
            { head: t("feeds.by"), value: (run) => run.user ?? t("feeds.schedule") },
            { head: t("feeds.outcome"), value: (run) => t(`feeds.status.${run.status}`, { defaultValue: run.status }), cell: (run) => <Status run={run} published={feed.everywhere} /> },
            { head: t("feeds.version"), value: (run) => run.number, cell: (run) => run.number ?? <span className="muted">–</span>, numeric: true },
            { head: t("feeds.rulesOn"), value: (run) => run.report.rules_on, cell: (run) => number(run.report.rules_on, i18n.language), numeric: true },
            { head: t("feeds.changes"), value: (run) => sum(run.report), cell: (run) => <span className="tabular nowrap">{sum(run.report)}</span> },
            { head: t("feeds.why"), value: (run) => (run.report.error ? `${t(`feeds.error.${run.report.error.code}`, { defaultValue: run.report.error.code })} ${run.report.error.detail}` : ""), cell: (run) => (run.report.error ? t(`feeds.error.${run.report.error.code}`, { defaultValue: run.report.error.code }) : <span className="muted">–</span>) },
          ]}
          empty={
            <Empty small title={t("feeds.noRuns")}>
              <p>{t(feed.address === "" ? "feeds.noRunsByHand" : "feeds.noRunsHint")}</p>
            </Empty>
          }
        />
      </Card>
    </div>
  );
}

function Report({ feed, run }: { feed: Feed; run: FeedRun }) {
  const { t, i18n } = useTranslation();
  const { report } = run;
  const count = (value: number) => number(value, i18n.language);
  const left = Object.entries(report.left_out);
  const { filtered } = report;
  const rows: [string, string][] = [
    [t("feeds.content"), `${t(`feeds.contents.${report.content || "none"}`)}${report.bytes > 0 ? ` · ${bytes(report.bytes, i18n.language)}` : ""}`],
  ];
  if (report.content === "fetched") rows.push([t("feeds.checksum"), report.checked_by ?? t("feeds.noChecksum")]);
  if (report.rules > 0) rows.push([t("feeds.rulesFound"), t("feeds.rulesOf", { on: count(report.rules_on), all: count(report.rules) })]);
  if (report.indicators > 0) rows.push([t("feeds.values"), count(report.indicators)]);
  if (left.length > 0) rows.push([t("feeds.leftOut"), left.map(([reason, many]) => `${t(`feeds.left.${reason}`, { defaultValue: reason })}: ${count(many)}`).join(" · ")]);
  const turned = filtered.enabled + filtered.disabled + filtered.modified + filtered.dropped + filtered.for_flowbits;
  if (turned > 0) rows.push([t("feeds.filtered"), t("feeds.filteredText", { enabled: count(filtered.enabled), disabled: count(filtered.disabled), modified: count(filtered.modified), dropped: count(filtered.dropped), flowbits: count(filtered.for_flowbits) })]);
  if (report.faulty > 0) rows.push([t("feeds.faulty"), count(report.faulty)]);
  return (
    <Card title={t("feeds.lastRun")} aside={<Status run={run} published={feed.everywhere} />}>
      <Reason run={run} />
      {report.withheld && <p className="note">{t(`feeds.withheld.${report.withheld}`, { defaultValue: report.withheld })}</p>}
      <dl className="pairs">
        {rows.map(([name, value]) => (
          <div key={name} className="pairs__row">
            <dt>{name}</dt>
            <dd className="feeds__detail">{value}</dd>
          </div>
        ))}
      </dl>
      {filtered.idle.length > 0 && (
        <details>
          <summary>{t("feeds.idle", { count: filtered.idle.length })}</summary>
          <ul className="feeds__faults">
            {filtered.idle.map((line) => (
              <li key={`${line.filter}-${line.line}`}>{t("feeds.line", { filter: t(`feeds.filter.${line.filter}`), line: line.line })}</li>
            ))}
          </ul>
        </details>
      )}
      {report.faults.length > 0 && (
        <details>
          <summary>{t("feeds.faultyHint", { count: report.faults.length })}</summary>
          <ul className="feeds__faults">
            {report.faults.map((fault) => (
              <li key={fault.sid}>
                <span className="mono">{fault.sid}</span> {fault.msg}: {faultText(fault.reason, null, i18n.language)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </Card>
  );
}
