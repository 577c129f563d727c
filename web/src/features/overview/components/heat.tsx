/** When alerts come: hour by weekday, over two weeks. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs, type Prefs } from "@/lib/prefs";
import { instant } from "@/lib/time";
import { Card, Empty, Failure, Loading } from "@/ui/basics";
import { HEAT_DAYS, heatQuery } from "../api";

const LEVELS = 5;

/** Monday first, by the reader's zone. */
export function place(at: string, zone: Prefs["zone"]): { day: number; hour: number } {
  const local = new Date(instant(at).getTime() + (zone === "UTC" ? 0 : 7 * 3_600_000));
  return { day: (local.getUTCDay() + 6) % 7, hour: local.getUTCHours() };
}

export function Heat() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const heat = useQuery(heatQuery);
  const sums = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  for (const bucket of heat.data?.buckets ?? []) {
    const { day, hour } = place(bucket.at, zone);
    const row = sums[day];
    if (row) row[hour] = (row[hour] ?? 0) + bucket.alerts;
  }
  const most = Math.max(...sums.flat());
  const names = Array.from({ length: 7 }, (_, day) => new Intl.DateTimeFormat(i18n.language === "en" ? "en-GB" : "vi-VN", { weekday: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2026, 10, 23 + day))));
  return (
    <Card title={t("overview.heat", { days: HEAT_DAYS })}>
      {heat.isPending ? (
        <Loading rows={6} />
      ) : heat.isLoadingError ? (
        <Failure small error={heat.error} retry={() => void heat.refetch()} />
      ) : most === 0 ? (
        <Empty small title={t("overview.quiet")} icon={CircleCheck} />
      ) : (
        <table className="heat">
          <caption className="hidden">{t("overview.heat", { days: HEAT_DAYS })}</caption>
          <thead>
            <tr>
              <th>
                <span className="hidden">{t("overview.weekday")}</span>
              </th>
              {Array.from({ length: 24 }, (_, hour) => (
                <th key={hour} scope="col">
                  {hour % 3 === 0 ? hour : <span className="hidden">{hour}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sums.map((row, day) => (
              <tr key={day}>
                <th scope="row">{names[day]}</th>
                {row.map((count, hour) => (
                  <td key={hour} className={`heat__${count === 0 ? 0 : Math.max(1, Math.ceil((Math.log(count + 1) / Math.log(most + 1)) * LEVELS))}`} title={`${names[day]} ${hour}:00 – ${number(count, i18n.language)}`}>
                    <span className="hidden">{number(count, i18n.language)}</span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
