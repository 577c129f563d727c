/** What was changed at a unit or a sensor, by whom and why. */
import { useQuery } from "@tanstack/react-query";
import { History } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Card, Empty, Failure, Loading } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { changesQuery, type Target } from "../api";
import { settingName, settingValue } from "./words";

export function Changes({ target }: { target: Target }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const changes = useQuery(changesQuery(target));
  if (changes.isPending) return <Loading rows={3} />;
  if (!changes.data) return <Failure small error={changes.error} retry={() => void changes.refetch()} />;
  const value = (name: string, one: string | null | undefined) => (one === null || one === undefined ? t("fleet.unset") : settingValue(name, one, t));
  const text = (one: (typeof changes.data)[number]["changes"][number]) => `${settingName(one.name, t)}: ${value(one.name, one.before)} → ${value(one.name, one.after)}`;
  return (
    <Card title={t("fleet.history")} bare>
      <SortedTable
        caption={t("fleet.history")}
        name="fleet-changes"
        items={changes.data}
        rowKey={(one) => one.id}
        columns={[
          { head: t("fleet.at"), value: (one) => one.at, cell: (one) => <span className="tabular nowrap">{dateTime(one.at, zone)}</span> },
          { head: t("fleet.by"), value: (one) => one.user },
          { head: t("fleet.what"), value: (one) => one.changes.map(text).join("; "), cell: (one) => one.changes.map((change) => <div key={change.name} className="fleet__value">{text(change)}</div>) },
          { head: t("fleet.sensorsThen"), value: (one) => one.sensors, cell: (one) => number(one.sensors, i18n.language), numeric: true },
          { head: t("fleet.why"), value: (one) => one.why },
        ]}
        empty={<Empty small title={t("fleet.noHistory")} icon={History} />}
      />
    </Card>
  );
}
