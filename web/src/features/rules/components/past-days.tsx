/** How often a rule alerted, by day. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dayTime } from "@/lib/time";
import { Card, Failure, Loading } from "@/ui/basics";
import { LazyBarChart } from "@/ui/lazy-chart";
import { pastDaysQuery } from "../api";

const HEIGHT = 110;

export function PastDays({ sid }: { sid: number }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const found = useQuery(pastDaysQuery(sid, zone));
  const buckets = found.data?.buckets;
  const chart = useMemo(
    () => ({
      labels: (buckets ?? []).map(({ at }) => dayTime(at, zone)),
      series: [{ name: t("hunt.alerts"), color: "--chart-alert" as const, values: (buckets ?? []).map(({ alerts }) => alerts) }],
    }),
    [buckets, t, zone],
  );
  const sum = buckets?.reduce((all, { alerts }) => all + alerts, 0) ?? 0;
  return (
    <Card title={t("rules.past")} aside={buckets && <span className="muted tabular">{t("rules.pastSum", { count: sum, shown: number(sum, i18n.language) })}</span>}>
      {found.isPending ? (
        <Loading rows={3} />
      ) : found.isLoadingError ? (
        <Failure small error={found.error} retry={() => void found.refetch()} />
      ) : sum === 0 ? (
        <p className="muted">{t("rules.noPast")}</p>
      ) : (
        <LazyBarChart {...chart} label={t("rules.past")} height={HEIGHT} />
      )}
    </Card>
  );
}
