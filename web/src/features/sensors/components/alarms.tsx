/** What is wrong with sensors and with the collector itself. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Check, CircleCheck } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { alarmDetail, type Alarm } from "@/lib/alarms";
import { usePrefs } from "@/lib/prefs";
import { usePolling } from "@/lib/presence";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty, Failure, Loading, Segmented, Severity, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { alarmsQuery, useAcknowledge } from "../api";

export function Alarms({ state, onState }: { state: "open" | "all"; onState: (state: "open" | "all") => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const alarms = useInfiniteQuery(alarmsQuery(state));
  const [seeing, setSeeing] = useState<Alarm>();
  usePolling(() => void alarms.refetch(), 30_000);
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
      ) : rows.length === 0 ? (
        <Empty small title={t("alarms.none")} icon={CircleCheck} />
      ) : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
        <div className="scroll" tabIndex={0} role="group" aria-label={t("alarms.title")}>
          <table className="table">
            <caption className="hidden">{t("alarms.title")}</caption>
            <thead>
              <tr>
                <th>{t("alarms.severity")}</th>
                <th>{t("alarms.what")}</th>
                <th>{t("alarms.where")}</th>
                <th>{t("alarms.opened")}</th>
                <th>{t("alarms.seen")}</th>
                <th>{t("alarms.care")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((alarm) => (
                <tr key={alarm.id}>
                  <td>
                    <Severity level={alarm.severity} />
                  </td>
                  <td>
                    <strong>{t(`alarms.kind.${alarm.kind}`, { defaultValue: alarm.kind })}</strong>
                    <div className="muted">{alarmDetail(alarm, t, i18n.language)}</div>
                  </td>
                  <td>{alarm.sensor_name ?? t("alarms.collector")}</td>
                  <td className="tabular nowrap">{dateTime(alarm.opened, zone)}</td>
                  <td className="tabular nowrap">{alarm.closed ? <span className="tag tag--good">{t("alarms.over", { time: dateTime(alarm.closed, zone) })}</span> : dateTime(alarm.seen, zone)}</td>
                  <td>
                    {alarm.acknowledged_by ? (
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
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
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
  const id = useId();
  const problem = useProblemText();
  const [comment, setComment] = useState("");
  const acknowledge = useAcknowledge();
  return (
    <Dialog
      title={t("alarms.acknowledge")}
      onClose={onClose}
      onSubmit={() => acknowledge.mutate({ id: alarm.id, comment: comment.trim() }, { onSuccess: onClose })}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={acknowledge.isPending}>
            <Check aria-hidden /> {t("alarms.acknowledge")}
          </Button>
        </>
      }
    >
      <p>
        {t(`alarms.kind.${alarm.kind}`, { defaultValue: alarm.kind })}: {alarm.sensor_name ?? t("alarms.collector")}. {t("alarms.staysOpen")}
      </p>
      <div className="field">
        <label htmlFor={`${id}-comment`}>{t("alarms.comment")}</label>
        <textarea id={`${id}-comment`} className="textarea" maxLength={1_000} value={comment} onChange={(event) => setComment(event.target.value)} />
      </div>
      {acknowledge.error && (
        <p className="field__error" role="alert">
          {problem(acknowledge.error)}
        </p>
      )}
    </Dialog>
  );
}
