/** Lines that the collector refused. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { bytes, number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, Card, Failure, Fine, Loading } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { quarantineQuery } from "../api";

export function Quarantine() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const lines = useInfiniteQuery(quarantineQuery);
  const rows = lines.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card title={t("quarantine.title")} bare aside={<span className="muted">{t("quarantine.count", { count: lines.data?.pages[0]?.total ?? 0, shown: number(lines.data?.pages[0]?.total ?? 0, i18n.language) })}</span>}>
      {lines.isPending ? (
        <Loading rows={2} />
      ) : lines.isLoadingError ? (
        <Failure small error={lines.error} retry={() => void lines.refetch()} />
      ) : (
        <SortedTable
          caption={t("quarantine.title")}
          name="quarantine"
          items={rows}
          rowKey={(row) => row.id}
          columns={[
            { head: t("hunt.time"), value: (row) => row.at, cell: (row) => <span className="tabular nowrap">{dateTime(row.at, zone)}</span> },
            { head: t("sensors.name"), value: (row) => row.sensor_name ?? row.sensor_id },
            { head: t("quarantine.reason"), value: (row) => row.reason },
            {
              head: t("quarantine.line"),
              value: (row) => row.line,
              cell: (row) => (
                <details>
                  <summary>{bytes(row.line_bytes, i18n.language)}</summary>
                  <pre className="code code--wrap">{row.line}</pre>
                </details>
              ),
            },
          ]}
          empty={<Fine>{t("quarantine.none")}</Fine>}
        />
      )}
      {lines.hasNextPage && (
        <p className="hunt__more">
          <Button onClick={() => void lines.fetchNextPage()}>{t("quarantine.more")}</Button>
        </p>
      )}
    </Card>
  );
}
