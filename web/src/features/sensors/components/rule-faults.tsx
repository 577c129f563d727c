/** Rules that sensors could not load: where they stand, and what is wrong with them. */
import { useTranslation } from "react-i18next";
import { faultText } from "@/lib/faults";
import { figures, ruleFaults, type RuleFault, type Sensor } from "@/lib/sensor";
import { Card } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";

/** The same fault on every sensor that runs the same rules is one row. */
interface Row extends RuleFault {
  sensors: string[];
}

function rowsOf(sensors: readonly Sensor[]): Row[] {
  const rows = new Map<string, Row>();
  for (const sensor of sensors) {
    for (const fault of ruleFaults(sensor)) {
      const key = JSON.stringify(fault);
      const row = rows.get(key) ?? { ...fault, sensors: [] };
      row.sensors.push(sensor.name);
      rows.set(key, row);
    }
  }
  return [...rows.values()];
}

export function RuleFaults({ sensors }: { sensors: readonly Sensor[] }) {
  const { t, i18n } = useTranslation();
  const rows = rowsOf(sensors);
  if (rows.length === 0) return null;
  const untold = sensors.reduce((sum, sensor) => sum + Math.max(0, (figures(sensor).rulesFailed ?? 0) - ruleFaults(sensor).length), 0);
  const place = ({ file, line }: Row) => `${file}:${line}`;
  return (
    <Card title={t("ruleFaults.title")} bare className="alarms">
      <SortedTable
        caption={t("ruleFaults.title")}
        name="rule-faults"
        items={rows}
        rowKey={(row) => `${place(row)} ${row.sid ?? ""} ${row.keyword ?? ""} ${row.reason}`}
        columns={[
          { head: t("ruleFaults.what"), value: (row) => faultText(row.reason, row.keyword, i18n.language) },
          { head: "SID", value: (row) => row.sid, cell: (row) => <span className="mono">{row.sid ?? "–"}</span>, numeric: true },
          { head: t("ruleFaults.place"), value: place, cell: (row) => <span className="mono sensors__place">{place(row)}</span> },
          { head: t("ruleFaults.sensors"), value: (row) => row.sensors.join(", ") },
        ]}
        empty={null}
      />
      <p className="muted sensors__note">
        {untold > 0 && `${t("ruleFaults.untold", { count: untold })} `}
        {t("ruleFaults.remedy")}
      </p>
    </Card>
  );
}
