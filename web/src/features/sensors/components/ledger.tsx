/** The loss ledger of a sensor: what it made, and what became of it, by hour. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, TriangleAlert, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { figures, type Sensor } from "@/lib/sensor";
import { dateTime, dayTime } from "@/lib/time";
import { Card, Empty, Failure, IconButton, Loading } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { ledgerQuery } from "../api";
import { Graphs } from "./graphs";
import { Link } from "./link";

type Row = Schemas["LedgerBody"];
const HOURS = [6, 24, 72, 168] as const;

interface LedgerProps {
  sensor: Sensor;
  hours: number;
  onHours: (hours: number) => void;
  onClose: () => void;
}

function sum(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

function shedOf(row: Row): number {
  return Object.values(row.shed).reduce((total, count) => total + count, 0);
}

export function Ledger({ sensor, hours, onHours, onClose }: LedgerProps) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const ledger = useQuery(ledgerQuery(sensor.id, hours));
  const { bytes: read, memory, rules } = figures(sensor);
  const count = (value: number) => number(value, i18n.language);
  const facts: [string, string][] = [
    [t("sensors.id"), sensor.id],
    [t("sensors.hostname"), sensor.hostname],
    [t("sensors.address"), sensor.remote_addr ?? "–"],
    [t("sensors.enrolled"), dateTime(sensor.enrolled, zone)],
    [t("sensors.ruleset"), sensor.ruleset_hash ? `${sensor.ruleset_hash.slice(0, 16)}…` : "–"],
    [t("sensors.rules"), rules === undefined ? "–" : count(rules)],
    [t("sensors.read"), read === undefined ? "–" : bytes(read, i18n.language)],
    [t("sensors.memory"), memory === undefined ? "–" : bytes(memory, i18n.language)],
  ];
  return (
    <Card
      title={t("ledger.title", { sensor: sensor.name })}
      aside={
        <span className="ledger__tools">
          <select className="select" aria-label={t("ledger.hours")} value={hours} onChange={(event) => onHours(Number(event.target.value))}>
            {HOURS.map((one) => (
              <option key={one} value={one}>
                {t("ledger.back", { count: one })}
              </option>
            ))}
          </select>
          <IconButton look="quiet" label={t("common.close")} onClick={onClose}>
            <X aria-hidden />
          </IconButton>
        </span>
      }
      bare
    >
      <dl className="ledger__facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Link sensor={sensor} />
      <Graphs sensor={sensor} hours={hours} />
      {ledger.isPending ? (
        <Loading rows={6} />
      ) : ledger.isLoadingError ? (
        <Failure small error={ledger.error} retry={() => void ledger.refetch()} />
      ) : ledger.data.length === 0 ? (
        <Empty small title={t("ledger.empty")} />
      ) : (
        <>
          <Balance rows={ledger.data} />
          <SortedTable
            caption={t("ledger.title", { sensor: sensor.name })}
            name={`ledger-${sensor.name}`}
            items={ledger.data}
            rowKey={(row) => `${row.hour} ${row.class}`}
            columns={[
              { head: t("ledger.hour"), value: (row) => row.hour, cell: (row) => <span className="tabular nowrap">{dayTime(row.hour, zone)}</span> },
              { head: t("ledger.class"), value: (row) => t(`ledger.classes.${row.class}`, { defaultValue: row.class }) },
              { head: t("ledger.made"), value: (row) => row.made, cell: (row) => count(row.made), numeric: true },
              {
                head: t("ledger.shed"),
                value: shedOf,
                cell: (row) => (
                  <>
                    {count(shedOf(row))}
                    {Object.entries(row.shed).map(([reason, lost]) => (
                      <div key={reason} className="muted">
                        {t(`ledger.reasons.${reason}`, { defaultValue: reason })}: {count(lost)}
                      </div>
                    ))}
                  </>
                ),
                numeric: true,
              },
              ...(["sent", "stored", "rejected"] as const).map((name) => ({ head: t(`ledger.${name}`), value: (row: Row) => row[name], cell: (row: Row) => count(row[name]), numeric: true })),
              {
                head: t("ledger.gap"),
                value: (row) => row.gap,
                cell: (row) => (row.gap === 0 ? "0" : <span className={`tag ${row.gap > 0 ? "tag--bad" : "tag--warn"}`}>{count(row.gap)}</span>),
                numeric: true,
              },
            ]}
            empty={null}
          />
        </>
      )}
    </Card>
  );
}

/** Whether the ledger balances, in words. */
function Balance({ rows }: { rows: readonly Row[] }) {
  const { t, i18n } = useTranslation();
  const shed = sum(rows, shedOf);
  const gap = sum(rows, (row) => Math.max(0, row.gap));
  const whole = gap === 0;
  const values = {
    made: number(sum(rows, (row) => row.made), i18n.language),
    stored: number(sum(rows, (row) => row.stored), i18n.language),
    shed: number(shed, i18n.language),
    gap: number(gap, i18n.language),
  };
  return (
    <p className={`ledger__balance ${whole ? "is-whole" : "is-short"}`} role="status">
      {whole ? <CircleCheck aria-hidden /> : <TriangleAlert aria-hidden />}
      {t(whole ? "ledger.balanced" : "ledger.short", values)}
    </p>
  );
}
