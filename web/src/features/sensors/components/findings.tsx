/** What sensors find wrong with themselves, and what to do about it. */
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { findings, type Finding, type Sensor } from "@/lib/sensor";
import { dateTime } from "@/lib/time";
import { Card, Fine } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";

export function Findings({ sensors }: { sensors: readonly Sensor[] }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const rows = sensors.flatMap((sensor) => findings(sensor).map((finding) => ({ sensor, finding }))).sort((a, b) => Number(b.finding.bad) - Number(a.finding.bad));
  const what = ({ code, figures }: Finding) => t(`findings.${code}.what`, { ...figures, defaultValue: code });
  const remedy = ({ code, figures }: Finding) => t(`findings.${code}.remedy`, { ...figures, defaultValue: "" });
  return (
    <Card title={t("doctor.title")} bare className="alarms">
      <SortedTable
        caption={t("doctor.title")}
        name="doctor"
        items={rows}
        rowKey={({ sensor, finding }) => `${sensor.id} ${finding.code}`}
        columns={[
          {
            head: t("doctor.severity"),
            value: ({ finding }) => t(finding.bad ? "doctor.bad" : "doctor.warning"),
            cell: ({ finding }) => <span className={`tag ${finding.bad ? "tag--bad" : "tag--warn"}`}>{t(finding.bad ? "doctor.bad" : "doctor.warning")}</span>,
          },
          { head: t("doctor.sensor"), value: ({ sensor }) => sensor.name },
          {
            head: t("doctor.what"),
            value: ({ finding }) => `${what(finding)}. ${remedy(finding)}`,
            cell: ({ finding }) => (
              <>
                <strong>{what(finding)}</strong>
                <div className="muted">{remedy(finding)}</div>
              </>
            ),
          },
          { head: t("doctor.since"), value: ({ finding }) => finding.since?.toISOString(), cell: ({ finding }) => <span className="tabular nowrap">{finding.since ? dateTime(finding.since.toISOString(), zone) : "–"}</span> },
        ]}
        empty={<Fine>{t("doctor.none")}</Fine>}
      />
    </Card>
  );
}
