/** The loss ledger of all sensors: what each made of each class, and what became of it. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dayTime } from "@/lib/time";
import { Card, Empty, Failure, Loading, Segmented } from "@/ui/basics";
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

export function Ledgers({ hours, by, onHours, onBy, onSensor }: LedgersProps) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const ledgers = useQuery(ledgersQuery(hours));
  const count = (value: number) => number(value, i18n.language);
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
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
          <div className="scroll ledgers__scroll" tabIndex={0} role="group" aria-label={t("ledger.all")}>
            <table className="table">
              <caption className="hidden">{t("ledger.all")}</caption>
              <thead>
                <tr>
                  <th>{t(by === "sensor" ? "sensors.name" : "ledger.hour")}</th>
                  <th>{t("ledger.class")}</th>
                  {COLUMNS.map((column) => (
                    <th key={column} className="numeric">
                      {t(`ledger.${column}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {by === "sensor"
                  ? told.sensors.flatMap((sensor) => [
                      <tr key={sensor.sensor_id} className="ledgers__whole">
                        <th scope="row">
                          <button type="button" className="linked" onClick={() => onSensor(sensor.sensor_id)}>
                            {sensor.sensor_name}
                          </button>
                        </th>
                        <td>{t("ledger.allClasses")}</td>
                        <Figures counts={sensor.total} count={count} />
                      </tr>,
                      ...Object.entries(sensor.classes).map(([name, counts]) => (
                        <tr key={`${sensor.sensor_id} ${name}`}>
                          <td />
                          <td>{classes(name)}</td>
                          <Figures counts={counts} count={count} />
                        </tr>
                      )),
                    ])
                  : told.hours.map((row, index) => (
                      <tr key={`${row.hour} ${row.class}`}>
                        <td className="tabular nowrap">{told.hours[index - 1]?.hour === row.hour ? "" : dayTime(row.hour, zone)}</td>
                        <td>{classes(row.class)}</td>
                        <Figures counts={row} count={count} />
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

function Figures({ counts, count }: { counts: Counts; count: (value: number) => string }) {
  return COLUMNS.map((column) => {
    const value = figure(counts, column);
    const bad = value > 0 && (column === "lost" || column === "rejected");
    return (
      <td key={column} className="numeric">
        {bad ? <span className="tag tag--bad">{count(value)}</span> : count(value)}
        {column === "shed" &&
          Object.entries(counts.shed).map(([reason, shed]) => (
            <div key={reason} className="muted">
              {reason}: {count(shed)}
            </div>
          ))}
      </td>
    );
  });
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
