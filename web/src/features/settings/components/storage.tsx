/** What is held, what the rules ask for, and how long the disk will do. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number, percent } from "@/lib/format";
import { useRights } from "@/lib/session";
import { Card, Empty, Failure, Loading } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { storageQuery } from "../api";
import { Archive } from "./archive";

export function Storage() {
  const { analyst } = useRights();
  const storage = useQuery(storageQuery);
  if (storage.isPending) return <Loading rows={8} />;
  if (storage.isLoadingError) return <Failure error={storage.error} retry={() => void storage.refetch()} />;
  return (
    <>
      <Shelves shelves={storage.data.shelves} />
      {analyst && <Archive />}
      <DiskCard storage={storage.data} />
    </>
  );
}

/** A day as it is written here: `2026-11-26` → `26/11/2026`. */
const date = (day: string) => day.split("-").reverse().join("/");

function Shelves({ shelves }: { shelves: Schemas["ShelfHeld"][] }) {
  const { t, i18n } = useTranslation();
  const count = (value: number) => number(value, i18n.language);
  const size = (value: number) => bytes(value, i18n.language);
  const name = (shelf: Schemas["ShelfHeld"]) => t(`storage.shelf.${shelf.shelf}`, { defaultValue: shelf.shelf });
  return (
    <Card title={t("storage.retention")} bare>
      {shelves.length === 0 ? (
        <Empty small title={t("storage.none")} />
      ) : (
        <>
          {shelves.map((shelf) => {
            const Icon = shelf.is_short ? TriangleAlert : CircleCheck;
            return (
              <p key={shelf.shelf} className={`storage__line ${shelf.is_short ? "is-short" : ""}`}>
                <Icon aria-hidden />
                {shelf.days_asked > 0 ? (
                  <>
                    <span>{t("storage.holds", { shelf: name(shelf), count: shelf.days_reached, asked: count(shelf.days_asked) })}</span>
                    <Meter part={shelf.days_reached} whole={shelf.days_asked} bad={shelf.is_short} label={t("storage.meter", { held: count(shelf.days_reached), asked: count(shelf.days_asked) })} />
                  </>
                ) : (
                  <span>{t("storage.holdsFreely", { shelf: name(shelf), count: shelf.days_reached })}</span>
                )}
                {shelf.archived_days > 0 && <span className="muted">{t("storage.archived", { count: shelf.archived_days })}</span>}
                {shelf.is_short && <span className="tag tag--bad">{t("storage.short")}</span>}
                {!shelf.is_short && shelf.days_reached < shelf.days_asked && <span className="tag">{t("storage.young")}</span>}
              </p>
            );
          })}
          <SortedTable
            caption={t("storage.retention")}
            name="retention"
            items={shelves}
            rowKey={(shelf) => shelf.shelf}
            columns={[
              { head: t("storage.what"), value: name },
              { head: t("storage.oldest"), value: (shelf) => shelf.oldest_day, cell: (shelf) => <span className="tabular">{shelf.oldest_day ? date(shelf.oldest_day) : "–"}</span> },
              { head: t("storage.kept"), value: (shelf) => shelf.days_kept, cell: (shelf) => t("settings.days", { count: shelf.days_kept }), numeric: true },
              { head: t("storage.events"), value: (shelf) => shelf.events, cell: (shelf) => count(shelf.events), numeric: true },
              { head: t("storage.size"), value: (shelf) => shelf.bytes, cell: (shelf) => size(shelf.bytes), numeric: true },
              { head: t("storage.budget"), value: (shelf) => shelf.budget_bytes, cell: (shelf) => (shelf.budget_bytes ? size(shelf.budget_bytes) : t("storage.unbounded")), numeric: true },
            ]}
            empty={null}
          />
        </>
      )}
    </Card>
  );
}

function DiskCard({ storage }: { storage: Schemas["Storage"] }) {
  const { t, i18n } = useTranslation();
  const { disk, paused } = storage;
  const size = (value: number) => bytes(value, i18n.language);
  const used = Math.max(0, disk.total_bytes - disk.free_bytes);
  const tight = disk.free_bytes <= disk.reserve_bytes;
  const days = disk.days_left;
  const facts: [string, string][] = [
    [t("storage.total"), size(disk.total_bytes)],
    [t("storage.free"), size(disk.free_bytes)],
    [t("storage.reserve"), size(disk.reserve_bytes)],
    [t("storage.left"), days === null || days === undefined ? t("storage.leftUnknown") : t("settings.days", { count: Math.floor(days) })],
    [t("storage.state"), size(storage.state_bytes)],
    [t("storage.inbox"), t("settings.days", { count: storage.inbox_days })],
    [t("storage.audit"), t("settings.days", { count: storage.audit_days })],
  ];
  return (
    <Card title={t("storage.disk")}>
      <p className="settings__text">{t("storage.governor", { reserve: size(disk.reserve_bytes) })}</p>
      <Meter part={used} whole={disk.total_bytes} bad={tight} label={t("storage.used", { share: percent(used / Math.max(1, disk.total_bytes), i18n.language) })} wide />
      <p className="muted">{t("storage.used", { share: percent(used / Math.max(1, disk.total_bytes), i18n.language) })}</p>
      {paused.length > 0 ? (
        <p className="note note--bad" role="alert">
          {t("storage.paused", { classes: paused.map((name) => t(`ledger.classes.${name}`, { defaultValue: name })).join(", ") })}
        </p>
      ) : (
        <p className="note note--good">{t("storage.takesAll")}</p>
      )}
      <dl className="storage__facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="tabular">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Meter({ part, whole, bad, wide, label }: { part: number; whole: number; bad: boolean; wide?: boolean; label: string }) {
  return (
    <svg className={`storage__meter ${wide ? "is-wide" : ""} ${bad ? "is-bad" : ""}`} viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect width="100" height="8" className="storage__whole" />
      <rect width={Math.min(100, (100 * part) / Math.max(1, whole))} height="8" className="storage__part" />
    </svg>
  );
}
