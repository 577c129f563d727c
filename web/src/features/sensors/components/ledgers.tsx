/** The loss ledger of all sensors: what each made of each class, and what became of it. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dayTime } from "@/lib/time";
import { Card, Empty, Failure, Loading, Segmented } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { ledgersQuery } from "../api";

type Counts = Schemas["Counts"];
const HOURS = [6, 24, 72, 168, 744] as const;
const COLUMNS = ["made", "shed", "stored", "rejected", "waiting", "lost"] as const;

export type LedgerBy = "sensor" | "hour";

interface LedgersProps {
  hours: number;
  by: LedgerBy;
  onHours: (hours: number) => void;
  onBy: (by: LedgerBy) => void;
  onSensor: (id: string) => void;
}

function lost(counts: Counts): number {
  return counts.lost_with_spool + counts.lost_here;
}

function figure(counts: Counts, column: (typeof COLUMNS)[number]): number {
  if (column === "shed") return counts.shed_total;
  return column === "lost" ? lost(counts) : counts[column];
}

/** A line of the table: a sensor or an hour, all its classes (none named) or one. */
interface Line {
  key: string;
  sensor?: string;
  name?: string;
  hour?: string;
  class?: string;
  counts: Counts;
}

function ofSensors(told: Schemas["LedgersBody"]): Line[] {
  return told.sensors.flatMap(({ sensor_id: sensor, sensor_name: name, total, classes }) => [
    { key: sensor, sensor, name, counts: total },
    ...Object.entries(classes).map(([one, counts]) => ({ key: `${sensor} ${one}`, sensor, name, class: one, counts })),
  ]);
}

function ofHours(told: Schemas["LedgersBody"]): Line[] {
  return told.hours.map((row) => ({ key: `${row.hour} ${row.class}`, hour: row.hour, class: row.class, counts: row }));
}

export function Ledgers({ hours, by, onHours, onBy, onSensor }: LedgersProps) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const ledgers = useQuery(ledgersQuery(hours));
  const classes = (name: string) => t(`ledger.classes.${name}`, { defaultValue: name });
  const told = ledgers.data;
  return (
    <Card
      title={t("ledger.all")}
      bare
      className="ledgers"
      aside={
        <span className="ledger__tools">
          <Segmented legend={t("ledger.by")} value={by} onChange={onBy} options={(["sensor", "hour"] as const).map((one) => ({ value: one, label: t(`ledger.per.${one}`) }))} />
          <select className="select" aria-label={t("ledger.hours")} value={hours} onChange={(event) => onHours(Number(event.target.value))}>
            {HOURS.map((one) => (
              <option key={one} value={one}>
                {t("ledger.back", { count: one })}
              </option>
            ))}
          </select>
        </span>
      }
    >
      {ledgers.isPending ? (
        <Loading rows={5} />
      ) : !told ? (
        <Failure small error={ledgers.error} retry={() => void ledgers.refetch()} />
      ) : told.sensors.length === 0 ? (
        <Empty small title={t("ledger.empty")} />
      ) : (
        <>
          <Verdict counts={told.total} />
          <SortedTable
            caption={t("ledger.all")}
            name="ledger"
            className="ledgers__table"
            items={by === "sensor" ? ofSensors(told) : ofHours(told)}
            rowKey={(row) => row.key}
            rowClass={(row) => (row.class === undefined ? "ledgers__whole" : undefined)}
            columns={[
              {
                head: t(by === "sensor" ? "sensors.name" : "ledger.hour"),
                value: (row) => row.name ?? row.hour,
                cell: (row) =>
                  row.hour !== undefined ? (
                    <span className="tabular nowrap">{dayTime(row.hour, zone)}</span>
                  ) : (
                    <button type="button" className="linked" onClick={() => onSensor(row.sensor ?? "")}>
                      {row.name}
                    </button>
                  ),
              },
              { head: t("ledger.class"), value: (row) => (row.class === undefined ? t("ledger.allClasses") : classes(row.class)) },
              ...COLUMNS.map((column) => ({
                head: t(`ledger.${column}`),
                value: (row: Line) => figure(row.counts, column),
                cell: (row: Line) => <Figure value={figure(row.counts, column)} column={column} />,
                numeric: true,
              })),
            ]}
            empty={null}
          />
        </>
      )}
    </Card>
  );
}

function Figure({ value, column }: { value: number; column: (typeof COLUMNS)[number] }) {
  const { i18n } = useTranslation();
  const bad = value > 0 && (column === "lost" || column === "rejected");
  const text = number(value, i18n.language);
  return bad ? <span className="tag tag--bad">{text}</span> : text;
}

/** Whether anything is missing, in words. */
function Verdict({ counts }: { counts: Counts }) {
  const { t, i18n } = useTranslation();
  const whole = lost(counts) === 0;
  const values = { made: number(counts.made, i18n.language), stored: number(counts.stored, i18n.language), shed: number(counts.shed_total, i18n.language), waiting: number(counts.waiting, i18n.language), lost: number(lost(counts), i18n.language) };
  return (
    <p className={`ledgers__balance ${whole ? "is-whole" : "is-short"}`} role="status">
      {whole ? <CircleCheck aria-hidden /> : <TriangleAlert aria-hidden />}
      {t(whole ? "ledger.allWhole" : "ledger.allLost", values)}
    </p>
  );
}
