/** What is held, what the rules ask for, and how long the disk will do. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number, percent } from "@/lib/format";
import { Card, Empty, Failure, Loading } from "@/ui/basics";
import { storageQuery } from "../api";

export function Storage() {
  const storage = useQuery(storageQuery);
  if (storage.isPending) return <Loading rows={8} />;
  if (storage.isLoadingError) return <Failure error={storage.error} retry={() => void storage.refetch()} />;
  return (
    <>
      <Shelves shelves={storage.data.shelves} />
      <DiskCard storage={storage.data} />
    </>
  );
}

function Shelves({ shelves }: { shelves: Schemas["ShelfHeld"][] }) {
  const { t, i18n } = useTranslation();
  const count = (value: number) => number(value, i18n.language);
  const size = (value: number) => bytes(value, i18n.language);
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
                <span>{t("storage.holds", { shelf: t(`storage.shelf.${shelf.shelf}`, { defaultValue: shelf.shelf }), held: count(shelf.days_held), asked: count(shelf.days_asked) })}</span>
                <Meter part={shelf.days_held} whole={shelf.days_asked} bad={shelf.is_short} label={t("storage.meter", { held: count(shelf.days_held), asked: count(shelf.days_asked) })} />
                {shelf.is_short && <span className="tag tag--bad">{t("storage.short")}</span>}
                {!shelf.is_short && shelf.days_held < shelf.days_asked && <span className="tag">{t("storage.young")}</span>}
              </p>
            );
          })}
          <table className="table">
            <caption className="hidden">{t("storage.retention")}</caption>
            <thead>
              <tr>
                <th>{t("storage.what")}</th>
                <th>{t("storage.oldest")}</th>
                <th className="numeric">{t("storage.kept")}</th>
                <th className="numeric">{t("storage.events")}</th>
                <th className="numeric">{t("storage.size")}</th>
                <th className="numeric">{t("storage.budget")}</th>
              </tr>
            </thead>
            <tbody>
              {shelves.map((shelf) => (
                <tr key={shelf.shelf}>
                  <td>{t(`storage.shelf.${shelf.shelf}`, { defaultValue: shelf.shelf })}</td>
                  <td className="tabular">{shelf.oldest_day ?? "–"}</td>
                  <td className="numeric">{t("settings.days", { count: shelf.days_kept })}</td>
                  <td className="numeric">{count(shelf.events)}</td>
                  <td className="numeric">{size(shelf.bytes)}</td>
                  <td className="numeric">{shelf.budget_bytes ? size(shelf.budget_bytes) : t("storage.unbounded")}</td>
                </tr>
              ))}
            </tbody>
          </table>
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
