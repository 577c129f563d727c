/** The archive of old days: where it lies, what is in it, what could not go there, and what is back for a while. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Archive as ArchiveIcon, CircleCheck, Settings2, TriangleAlert, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number } from "@/lib/format";
import { usePolling } from "@/lib/presence";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty, Failure, Loading } from "@/ui/basics";
import { Listing } from "@/ui/listing";
import type { Column } from "@/ui/sorted-table";
import { archiveQuery, packsQuery, useEndRecall } from "../api";
import { ArchiveDialog } from "./archive-dialog";

type Pack = Schemas["PackBody"];
const POLL_MS = 10_000;

/** A day as it is written here: `2026-11-26` → `26/11/2026`. */
const date = (day: string) => day.split("-").reverse().join("/");

export function Archive() {
  const { t } = useTranslation();
  const { administrator } = useRights();
  const archive = useQuery(archiveQuery);
  const [setting, setSetting] = useState(false);
  usePolling(() => void archive.refetch(), POLL_MS);
  return (
    <Card
      title={t("archive.title")}
      bare
      aside={
        administrator && (
          <Button size="small" onClick={() => setSetting(true)}>
            <Settings2 aria-hidden /> {t("archive.set")}
          </Button>
        )
      }
    >
      {archive.isPending ? <Loading rows={4} /> : archive.isLoadingError ? <Failure small error={archive.error} retry={() => void archive.refetch()} /> : <Held archive={archive.data} />}
      {setting && <ArchiveDialog onClose={() => setSetting(false)} />}
    </Card>
  );
}

function Held({ archive }: { archive: Schemas["ArchiveState"] }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const count = (value: number) => number(value, i18n.language);
  const size = (value: number) => bytes(value, i18n.language);
  const shelf = (name: string) => t(`storage.shelf.${name}`, { defaultValue: name });
  const fault = archive.faults[0];
  const loss = archive.losses[0];
  if (!archive.enabled && archive.packs === 0) {
    return <Empty small title={t("archive.off")} icon={ArchiveIcon}><p>{t("archive.offText")}</p></Empty>;
  }
  return (
    <>
      <p className={`storage__line ${fault ? "is-short" : ""}`}>
        {fault ? <TriangleAlert aria-hidden /> : <CircleCheck aria-hidden />}
        <span className="settings__wrap">
          {archive.enabled ? t("archive.goesTo", { site: archive.site ?? "" }) : t("archive.goesNowhere")}{" "}
          {archive.first_day && archive.last_day
            ? t("archive.holds", { from: date(archive.first_day), to: date(archive.last_day), events: count(archive.events), size: size(archive.packed_bytes) })
            : t("archive.empty")}
        </span>
      </p>
      {fault && (
        <div className="card__body" role="alert">
          <p className="note note--bad settings__wrap">
            {t("archive.failing", { count: archive.faults.length, day: date(fault.day), shelf: shelf(fault.shelf), since: dateTime(fault.since, zone), attempts: count(fault.attempts) })}{" "}
            {t(`archive.fault.${fault.code}`, { defaultValue: fault.code })} <span className="mono">{fault.reason}</span>
          </p>
          <p className="muted">{t("archive.stays")}</p>
        </div>
      )}
      {loss && (
        <p className="card__body">
          <span className="note note--bad">{t("archive.lost", { partitions: count(archive.lost_partitions), events: count(archive.lost_events), day: date(loss.day), shelf: shelf(loss.shelf), at: dateTime(loss.at, zone) })}</span>
        </p>
      )}
      {archive.expired_partitions > 0 && <p className="card__body muted">{t("archive.expired", { partitions: count(archive.expired_partitions), events: count(archive.expired_events) })}</p>}
      {archive.recalls.length > 0 && <Recalls recalls={archive.recalls} used={archive.recalled_bytes} limit={archive.recall_limit_bytes} />}
      {archive.packs > 0 && <Packs />}
    </>
  );
}

function usePackColumns(): Column<Pack>[] {
  const { t, i18n } = useTranslation();
  return [
    { head: t("archive.day"), value: (pack) => pack.day, cell: (pack) => <span className="tabular">{date(pack.day)}</span> },
    { head: t("storage.what"), value: (pack) => t(`storage.shelf.${pack.shelf}`, { defaultValue: pack.shelf }) },
    { head: t("storage.events"), value: (pack) => pack.events, cell: (pack) => number(pack.events, i18n.language), numeric: true },
  ];
}

/** What is back, on its way, or could not come. */
function Recalls({ recalls, used, limit }: { recalls: Pack[]; used: number; limit: number }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const end = useEndRecall();
  const columns = usePackColumns();
  return (
    <section aria-label={t("archive.recalls")}>
      <h3 className="card__body">{t("archive.recallsUse", { used: bytes(used, i18n.language), limit: bytes(limit, i18n.language) })}</h3>
      <Listing
        caption={t("archive.recalls")}
        name="recalls"
        query={{ isPending: false, isLoadingError: false, error: null, refetch: () => undefined }}
        items={recalls}
        rowKey={(pack) => pack.id}
        columns={[
          ...columns,
          {
            head: t("settings.state"),
            value: (pack) => t(`archive.recall.${pack.recall}`),
            cell: (pack) => (
              <span className="settings__wrap">
                <span className={`tag ${pack.recall === "failed" ? "tag--bad" : ""}`}>{t(`archive.recall.${pack.recall}`)}</span> {pack.recall_fault && <RecallFault told={pack.recall_fault} />}
              </span>
            ),
          },
          { head: t("archive.until"), value: (pack) => pack.recall_until, cell: (pack) => <span className="tabular nowrap">{pack.recall_until ? dateTime(pack.recall_until, zone) : "–"}</span> },
          { head: t("archive.by"), value: (pack) => pack.recalled_by },
        ]}
        actions={(pack) => (
          <Button
            size="small"
            aria-label={`${t("archive.end")}: ${date(pack.day)}`}
            onClick={() => end.mutate({ from: `${pack.day}T00:00:00Z`, to: `${pack.day}T23:59:59Z`, class: pack.shelf === "alerts" ? "alert" : "record" })}
          >
            <Undo2 aria-hidden /> {t("archive.end")}
          </Button>
        )}
        empty={null}
      />
    </section>
  );
}

function RecallFault({ told }: { told: string }) {
  const { t } = useTranslation();
  const [code = "", ...reason] = told.split(": ");
  return (
    <span className="muted">
      {t(`archive.fault.${code}`, { defaultValue: code })} {reason.join(": ")}
    </span>
  );
}

function Packs() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const packs = useInfiniteQuery(packsQuery);
  const columns = usePackColumns();
  return (
    <>
      <Listing
        caption={t("archive.packs")}
        name="archive"
        query={packs}
        items={packs.data?.pages.flatMap((page) => page.items)}
        rowKey={(pack) => pack.id}
        columns={[
          ...columns,
          { head: t("archive.packed"), value: (pack) => pack.packed_bytes, cell: (pack) => bytes(pack.packed_bytes, i18n.language), numeric: true },
          { head: t("archive.at"), value: (pack) => pack.archived, cell: (pack) => <span className="tabular nowrap">{dateTime(pack.archived, zone)}</span> },
          { head: t("archive.place"), value: (pack) => `${pack.site}/${pack.object}`, cell: (pack) => <span className="mono settings__wrap" title={`SHA-256 ${pack.sha256}`}>{`${pack.site}/${pack.object}`}</span> },
        ]}
        empty={null}
      />
      {packs.hasNextPage && (
        <p className="card__body">
          <Button onClick={() => void packs.fetchNextPage()} disabled={packs.isFetchingNextPage}>
            {t("archive.more")}
          </Button>
        </p>
      )}
    </>
  );
}
