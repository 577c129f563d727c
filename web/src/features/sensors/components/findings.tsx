/** What sensors find wrong with themselves, and what to do about it. */
import { CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { findings, type Sensor } from "@/lib/sensor";
import { dateTime } from "@/lib/time";
import { Card, Empty } from "@/ui/basics";

export function Findings({ sensors }: { sensors: readonly Sensor[] }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const rows = sensors.flatMap((sensor) => findings(sensor).map((finding) => ({ sensor, finding }))).sort((a, b) => Number(b.finding.bad) - Number(a.finding.bad));
  return (
    <Card title={t("doctor.title")} bare className="alarms">
      {rows.length === 0 ? (
        <Empty small title={t("doctor.none")} icon={CircleCheck} />
      ) : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
        <div className="scroll" tabIndex={0} role="group" aria-label={t("doctor.title")}>
          <table className="table">
            <caption className="hidden">{t("doctor.title")}</caption>
            <thead>
              <tr>
                <th>{t("doctor.severity")}</th>
                <th>{t("doctor.sensor")}</th>
                <th>{t("doctor.what")}</th>
                <th>{t("doctor.since")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ sensor, finding }) => (
                <tr key={`${sensor.id} ${finding.code}`}>
                  <td>
                    <span className={`tag ${finding.bad ? "tag--bad" : "tag--warn"}`}>{t(finding.bad ? "doctor.bad" : "doctor.warning")}</span>
                  </td>
                  <td>{sensor.name}</td>
                  <td>
                    <strong>{t(`findings.${finding.code}.what`, { ...finding.figures, defaultValue: finding.code })}</strong>
                    <div className="muted">{t(`findings.${finding.code}.remedy`, { ...finding.figures, defaultValue: "" })}</div>
                  </td>
                  <td className="tabular nowrap">{finding.since ? dateTime(finding.since.toISOString(), zone) : "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
