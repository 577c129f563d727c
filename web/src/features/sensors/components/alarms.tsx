/** What is wrong with sensors and with the collector itself. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Check } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { alarmDetail, type Alarm } from "@/lib/alarms";
import { usePrefs } from "@/lib/prefs";
import { usePolling } from "@/lib/presence";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Failure, Fine, Loading, Segmented, Severity } from "@/ui/basics";
import { Area, FormDialog } from "@/ui/form";
import { SortedTable } from "@/ui/sorted-table";
import { alarmsQuery, useAcknowledge } from "../api";

export function Alarms({ state, onState }: { state: "open" | "all"; onState: (state: "open" | "all") => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const alarms = useInfiniteQuery(alarmsQuery(state));
  const [seeing, setSeeing] = useState<Alarm>();
  usePolling(() => void alarms.refetch(), 30_000);
  const kind = (alarm: Alarm) => t(`alarms.kind.${alarm.kind}`, { defaultValue: alarm.kind });
  const rows = alarms.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card
      title={t("alarms.title")}
      bare
      className="alarms"
      aside={<Segmented legend={t("alarms.which")} value={state} onChange={onState} options={(["open", "all"] as const).map((one) => ({ value: one, label: t(`alarms.state.${one}`) }))} />}
    >
      {alarms.isPending ? (
        <Loading rows={3} />
      ) : alarms.isLoadingError ? (
        <Failure small error={alarms.error} retry={() => void alarms.refetch()} />
      ) : (
        <SortedTable
          caption={t("alarms.title")}
          name="alarms"
          items={rows}
          rowKey={(alarm) => alarm.id}
          columns={[
            { head: t("alarms.severity"), value: (alarm) => alarm.severity, cell: (alarm) => <Severity level={alarm.severity} /> },
            {
              head: t("alarms.what"),
              value: (alarm) => `${kind(alarm)}: ${alarmDetail(alarm, t, i18n.language)}`,
              cell: (alarm) => (
                <>
                  <strong>{kind(alarm)}</strong>
                  <div className="muted">{alarmDetail(alarm, t, i18n.language)}</div>
                </>
              ),
            },
            { head: t("alarms.where"), value: (alarm) => alarm.sensor_name ?? t("alarms.collector") },
            { head: t("alarms.opened"), value: (alarm) => alarm.opened, cell: (alarm) => (
                <>
                  <span className="tabular nowrap">{dateTime(alarm.opened, zone)}</span>
                  {alarm.silence && (
                    <span className="tag" title={alarm.silence.reason}>
                      {t("alarms.silent", { time: dateTime(alarm.silence.ends, zone) })}
                    </span>
                  )}
                </>
              ) },
            {
              head: t("alarms.seen"),
              value: (alarm) => alarm.closed ?? alarm.seen,
              cell: (alarm) =>
                alarm.closed ? <span className="tag tag--good">{t("alarms.over", { time: dateTime(alarm.closed, zone) })}</span> : <span className="tabular nowrap">{dateTime(alarm.seen, zone)}</span>,
            },
            {
              head: t("alarms.care"),
              value: (alarm) => (alarm.acknowledged_by ? `${t("alarms.by", { name: alarm.acknowledged_by })} ${alarm.comment ?? ""}` : ""),
              cell: (alarm) =>
                alarm.acknowledged_by ? (
                  <>
                    {t("alarms.by", { name: alarm.acknowledged_by })}
                    <div className="muted">{alarm.comment}</div>
                  </>
                ) : (
                  analyst &&
                  !alarm.closed && (
                    <Button size="small" onClick={() => setSeeing(alarm)}>
                      <Check aria-hidden /> {t("alarms.acknowledge")}
                    </Button>
                  )
                ),
            },
          ]}
          empty={<Fine>{t("alarms.none")}</Fine>}
        />
      )}
      {alarms.hasNextPage && (
        <p className="sensors__more">
          <Button onClick={() => void alarms.fetchNextPage()}>{t("quarantine.more")}</Button>
        </p>
      )}
      {seeing && <AcknowledgeDialog alarm={seeing} onClose={() => setSeeing(undefined)} />}
    </Card>
  );
}

function AcknowledgeDialog({ alarm, onClose }: { alarm: Alarm; onClose: () => void }) {
  const { t } = useTranslation();
  const [comment, setComment] = useState("");
  const acknowledge = useAcknowledge();
  return (
    <FormDialog
      title={t("alarms.acknowledge")}
      submit={
        <>
          <Check aria-hidden /> {t("alarms.acknowledge")}
        </>
      }
      ready={!acknowledge.isPending}
      error={acknowledge.error}
      onSubmit={() => acknowledge.mutate({ id: alarm.id, comment: comment.trim() }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>
        {t(`alarms.kind.${alarm.kind}`, { defaultValue: alarm.kind })}: {alarm.sensor_name ?? t("alarms.collector")}. {t("alarms.staysOpen")}
      </p>
      <Area label={t("alarms.comment")} maxLength={1_000} value={comment} onText={setComment} />
    </FormDialog>
  );
}
