/** Who did what: the audit log of the reader's units, as a list and as a file, and whether its chain holds. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Download, Link2, ScrollText, Search } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { unitsQuery } from "@/lib/units";
import { Button, buttonClass, Card, Empty, Failure, Loading } from "@/ui/basics";
import { Fault } from "@/ui/form";
import { SortedTable } from "@/ui/sorted-table";
import { TimeRange } from "@/ui/time-range";
import { auditFile, auditQuery, peopleQuery, useCheckChain } from "../api";
import { AREAS, USUAL_AUDIT, type SettingsSearch } from "../route";

const route = getRouteApi("/signed-in/settings");
const MATCHING = ".matching";

/** What was done in words; an action of a newer collector by its name. */
function useDid(): (action: string) => string {
  const { t } = useTranslation();
  return (action) => {
    const all = action.endsWith(MATCHING);
    const plain = all ? action.slice(0, -MATCHING.length) : action;
    const what = t(`audit.did.${plain.replaceAll(".", "_")}`, { defaultValue: plain });
    return all ? t("audit.matching", { what }) : what;
  };
}

/** The detail without its braces, as far as it is one. */
function detailOf({ detail }: Schemas["AuditLine"]): string {
  return detail === "{}" || detail === "null" ? "" : detail;
}

export function Audit() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { user } = useRights();
  const lines = useInfiniteQuery(auditQuery(search));
  const people = useQuery(peopleQuery);
  const units = useQuery(unitsQuery);
  const check = useCheckChain();
  const did = useDid();
  const words = useRef<HTMLInputElement>(null);
  const ask = (part: Partial<SettingsSearch>) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const rows = lines.data?.pages.flatMap((page) => page.items) ?? [];
  const total = lines.data?.pages[0]?.total ?? 0;
  const seesAll = units.data?.find((unit) => unit.id === user.unit_id)?.parent_id === null;
  const chain = check.data;
  return (
    <Card
      title={t("audit.title")}
      bare
      aside={
        <span className="settings__tools">
          {lines.data && <span className="muted">{t("audit.count", { count: total, shown: number(total, i18n.language) })}</span>}
          {seesAll && (
            <Button size="small" disabled={check.isPending} onClick={() => check.mutate()}>
              <Link2 aria-hidden /> {t("audit.check")}
            </Button>
          )}
          <a className={buttonClass("plain", "small")} href={auditFile(search)} download>
            <Download aria-hidden /> {t("audit.file")}
          </a>
        </span>
      }
    >
      <p className="muted audit__text">{t("audit.text")}</p>
      <div role="status">
        {chain && (chain.broken_at === null || chain.broken_at === undefined) && <p className="note note--good audit__note">{t("audit.whole", { count: chain.rows, shown: number(chain.rows, i18n.language) })}</p>}
        {chain && typeof chain.broken_at === "number" && <p className="note note--bad audit__note">{t("audit.broken", { id: chain.broken_at })}</p>}
      </div>
      <Fault error={check.error} />
      <div className="audit__filters">
        <select className="select" aria-label={t("audit.who")} value={search.who ?? ""} onChange={(event) => ask({ who: event.target.value || undefined })}>
          <option value="">{t("audit.everybody")}</option>
          {people.data?.map(({ id, name }) => (
            <option key={id} value={name}>
              {name}
            </option>
          ))}
        </select>
        <select className="select" aria-label={t("audit.area")} value={search.area ?? ""} onChange={(event) => ask({ area: AREAS.find((one) => one === event.target.value) })}>
          <option value="">{t("audit.everything")}</option>
          {AREAS.map((one) => (
            <option key={one} value={one}>
              {t(`audit.areas.${one}`)}
            </option>
          ))}
        </select>
        <form
          className="sorted__search"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            ask({ words: words.current?.value.trim() || undefined });
          }}
        >
          <Search aria-hidden />
          <input className="input" type="search" aria-label={t("audit.words")} placeholder={t("audit.wordsHint")} maxLength={200} key={search.words} defaultValue={search.words} ref={words} />
        </form>
        <span className="spring" />
        <TimeRange from={search.from ?? USUAL_AUDIT} to={search.to ?? "now"} onChange={(from, to) => ask({ from: from === USUAL_AUDIT ? undefined : from, to: to === "now" ? undefined : to })} />
      </div>
      {lines.isPending ? (
        <Loading rows={8} />
      ) : lines.isLoadingError ? (
        <Failure error={lines.error} retry={() => void lines.refetch()} />
      ) : (
        <SortedTable
          caption={t("audit.title")}
          name="audit"
          className="audit"
          items={rows}
          rowKey={(row) => row.id}
          columns={[
            { head: t("hunt.time"), value: (row) => row.at, cell: (row) => <span className="tabular nowrap">{dateTime(row.at, zone)}</span> },
            { head: t("audit.who"), value: (row) => row.user, cell: (row) => <span className="mono">{row.user || "–"}</span> },
            { head: t("audit.area"), value: (row) => did(row.action), cell: (row) => <span title={row.action}>{did(row.action)}</span> },
            { head: t("audit.target"), value: (row) => row.target, cell: (row) => <span className="mono settings__wrap">{row.target}</span> },
            { head: t("audit.from"), value: (row) => row.address, cell: (row) => <span className="mono">{row.address}</span> },
            {
              head: t("audit.detail"),
              value: detailOf,
              cell: (row) => (
                <details className="audit__detail">
                  <summary>{detailOf(row) || <span className="muted">{t("audit.hash")}</span>}</summary>
                  <p className="mono settings__wrap">{detailOf(row)}</p>
                  <p className="mono muted settings__wrap">
                    {t("audit.hash")} {row.id}: {row.hash}
                  </p>
                </details>
              ),
            },
          ]}
          empty={
            <Empty small title={t("audit.none")} icon={ScrollText}>
              <p>{t("audit.noneHint")}</p>
            </Empty>
          }
        />
      )}
      {lines.hasNextPage && (
        <p className="sorted__more">
          <Button disabled={lines.isFetchingNextPage} onClick={() => void lines.fetchNextPage()}>
            {t("audit.more")}
          </Button>
        </p>
      )}
    </Card>
  );
}
