/** Cases: incidents that are being worked on, and those that were. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { FolderOpen, Plus } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { shortTime } from "@/lib/time";
import { Button, Empty, Failure, Loading, Severity } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { casesQuery, useCreateCase } from "./api";
import { Clocks } from "./components/clocks";
import { NewCaseDialog } from "./components/new-case";
import { CASE_TABS } from "./route";
import "./cases.css";

const route = getRouteApi("/signed-in/cases");

export function CasesPage() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const cases = useQuery(casesQuery(search));
  const [making, setMaking] = useState(false);
  const create = useCreateCase((made) => void navigate({ to: "/cases/$case", params: { case: String(made.id) } }));
  const tab = search.tab ?? "open";
  useEffect(() => {
    document.title = `${t("nav.cases")} – Mắt Lưới`;
  }, [t]);
  useKeys({ n: () => analyst && setMaking(true), r: () => void cases.refetch() }, !making);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.cases")}</h1>
        <span className="spring" />
        {analyst && (
          <Button look="primary" onClick={() => setMaking(true)}>
            <Plus aria-hidden /> {t("cases.new")}
          </Button>
        )}
      </div>
      <nav className="tabs__list inbox__tabs" aria-label={t("alerts.tabs")}>
        {CASE_TABS.map((one) => (
          <Link key={one} to="/cases" search={one === "open" ? {} : { tab: one }} className="tabs__tab" aria-current={tab === one ? "page" : undefined} activeOptions={{ exact: true }} activeProps={{}}>
            {t(`cases.tab.${one}`)}
          </Link>
        ))}
      </nav>
      <div className="page__body">
        {cases.isPending ? (
          <Loading rows={8} />
        ) : cases.isLoadingError ? (
          <Failure error={cases.error} retry={() => void cases.refetch()} />
        ) : cases.data.items.length === 0 ? (
          <Empty title={t("cases.none")} icon={FolderOpen}>
            <p>{t("cases.noneHint")}</p>
          </Empty>
        ) : (
          <div className="card">
            <SortedTable
              caption={t("nav.cases")}
              name="cases"
              items={cases.data.items}
              rowKey={(one) => one.id}
              rowClass={() => "is-link"}
              columns={[
                { head: t("cases.number"), value: (one) => one.id, cell: (one) => <span className="mono">#{one.id}</span> },
                { head: t("alerts.severity"), value: (one) => one.severity, cell: (one) => <Severity level={one.severity} /> },
                {
                  head: t("cases.title"),
                  value: (one) => one.title,
                  cell: (one) => (
                    <Link to="/cases/$case" params={{ case: String(one.id) }} className="cases__title">
                      {one.title}
                    </Link>
                  ),
                },
                {
                  head: t("clock.title"),
                  value: (one) => one.clocks.find((clock) => !clock.sent)?.due ?? one.clocks[0]?.due,
                  cell: (one) => (one.clocks.length > 0 ? <Clocks clocks={one.clocks} /> : <span className="muted">–</span>),
                },
                {
                  head: t("cases.status"),
                  value: (one) => t(`cases.statuses.${one.status}`),
                  cell: (one) => <span className={`tag ${one.status === "closed" ? "tag--good" : one.status === "open" ? "tag--warn" : ""}`}>{t(`cases.statuses.${one.status}`)}</span>,
                },
                { head: t("column.owner"), value: (one) => one.owner, cell: (one) => one.owner ?? "–" },
                { head: t("rolled.groups"), value: (one) => one.groups, cell: (one) => number(one.groups, i18n.language), numeric: true },
                {
                  head: t("cases.tasks"),
                  value: (one) => one.open_tasks,
                  cell: (one) => `${number(one.tasks - one.open_tasks, i18n.language)} / ${number(one.tasks, i18n.language)}`,
                  numeric: true,
                },
                { head: t("cases.detected"), value: (one) => one.detected, cell: (one) => <span className="nowrap tabular">{shortTime(one.detected, undefined, zone)}</span> },
              ]}
              empty={null}
            />
          </div>
        )}
      </div>
      {making && <NewCaseDialog busy={create.isPending} onClose={() => setMaking(false)} onDone={(made) => create.mutate(made)} />}
    </div>
  );
}
