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
import { ledgerQuery } from "../api";
import { Graphs } from "./graphs";

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
          <div className="scroll">
            <table className="table">
              <caption className="hidden">{t("ledger.title", { sensor: sensor.name })}</caption>
              <thead>
                <tr>
                  <th>{t("ledger.hour")}</th>
                  <th>{t("ledger.class")}</th>
                  {(["made", "shed", "sent", "stored", "rejected", "gap"] as const).map((name) => (
                    <th key={name} className="numeric">
                      {t(`ledger.${name}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {ledger.data.map((row, index) => (
                  <tr key={`${row.hour} ${row.class}`}>
                    <td className="tabular nowrap">{ledger.data[index - 1]?.hour === row.hour ? "" : dayTime(row.hour, zone)}</td>
                    <td>{t(`ledger.classes.${row.class}`, { defaultValue: row.class })}</td>
                    <td className="numeric">{count(row.made)}</td>
                    <td className="numeric">
                      {count(shedOf(row))}
                      {Object.entries(row.shed).map(([reason, lost]) => (
                        <div key={reason} className="muted">
                          {reason}: {count(lost)}
                        </div>
                      ))}
                    </td>
                    <td className="numeric">{count(row.sent)}</td>
                    <td className="numeric">{count(row.stored)}</td>
                    <td className="numeric">{count(row.rejected)}</td>
                    <td className="numeric">{row.gap === 0 ? "0" : <span className={`tag ${row.gap > 0 ? "tag--bad" : "tag--warn"}`}>{count(row.gap)}</span>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
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
