/** Times in which nobody is told of alarms of sensors, because somebody works there. */
import { useQuery } from "@tanstack/react-query";
import { BellOff, BellRing } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime, fromInput, toInput } from "@/lib/time";
import { Button, Card, Empty, Failure, Loading, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { When } from "@/ui/when";
import { silencesQuery, useEndSilence, useSilence, type Silence, type Target } from "../api";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LOOKS: Readonly<Record<string, string>> = { now: "tag--warn", coming: "tag--info" };

export function Silences({ target }: { target: Target }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const problem = useProblemText();
  const silences = useQuery(silencesQuery);
  const end = useEndSilence();
  const [making, setMaking] = useState(false);
  const place = (one: Silence) => one.sensor_name ?? one.unit_name ?? "";
  return (
    <Card
      title={t("fleet.silences")}
      bare
      aside={
        analyst && (
          <Button size="small" onClick={() => setMaking(true)}>
            <BellOff aria-hidden /> {t("fleet.silence")}
          </Button>
        )
      }
    >
      {silences.isPending ? (
        <Loading rows={2} />
      ) : !silences.data ? (
        <Failure small error={silences.error} retry={() => void silences.refetch()} />
      ) : (
        <SortedTable
          caption={t("fleet.silences")}
          name="silences"
          items={silences.data}
          rowKey={(one) => one.id}
          columns={[
            { head: t("fleet.where"), value: place },
            { head: t("sensors.state"), value: (one) => t(`fleet.silenceState.${one.state}`), cell: (one) => <span className={`tag ${LOOKS[one.state] ?? ""}`}>{t(`fleet.silenceState.${one.state}`)}</span> },
            { head: t("fleet.begins"), value: (one) => one.begins, cell: (one) => <span className="tabular nowrap">{dateTime(one.begins, zone)}</span> },
            { head: t("fleet.ends"), value: (one) => one.ended ?? one.ends, cell: (one) => <span className="tabular nowrap">{one.ended ? t("fleet.endedBy", { time: dateTime(one.ended, zone), name: one.ended_by ?? "" }) : dateTime(one.ends, zone)}</span> },
            { head: t("fleet.why"), value: (one) => one.reason },
            { head: t("fleet.by"), value: (one) => one.created_by },
          ]}
          actions={
            analyst
              ? (one) =>
                  one.state !== "over" && (
                    <Button size="small" aria-label={`${t("fleet.endSilence")}: ${place(one)}`} disabled={end.isPending} onClick={() => end.mutate(one.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
                      <BellRing aria-hidden /> {t("fleet.endSilence")}
                    </Button>
                  )
              : undefined
          }
          empty={<Empty small title={t("fleet.noSilences")} icon={BellRing} />}
        />
      )}
      {making && <SilenceDialog target={target} onClose={() => setMaking(false)} />}
    </Card>
  );
}

function SilenceDialog({ target, onClose }: { target: Target; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const { zone } = usePrefs();
  const problem = useProblemText();
  const silence = useSilence();
  const [opened] = useState(() => Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS);
  const [begins, setBegins] = useState(() => toInput(opened, zone));
  const [ends, setEnds] = useState(() => toInput(opened + 2 * HOUR_MS, zone));
  const [reason, setReason] = useState("");
  const [first, last] = [fromInput(begins, zone), fromInput(ends, zone)];
  const ready = first !== null && last !== null && first < last && reason.trim() !== "";
  return (
    <Dialog
      title={t("fleet.silence")}
      onClose={onClose}
      onSubmit={() => ready && silence.mutate({ ...target, begins: new Date(first).toISOString(), ends: new Date(last).toISOString(), reason: reason.trim() }, { onSuccess: onClose })}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={!ready || silence.isPending}>
            <BellOff aria-hidden /> {t("fleet.silence")}
          </Button>
        </>
      }
    >
      <p>{t(target.sensor_id === undefined ? "fleet.silenceUnitHint" : "fleet.silenceSensorHint")}</p>
      <div className="field">
        <label htmlFor={`${id}-begins`}>{t("fleet.begins")}</label>
        <When id={`${id}-begins`} kind="moment" value={begins} onValue={setBegins} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-ends`}>{t("fleet.ends")}</label>
        <When id={`${id}-ends`} kind="moment" value={ends} onValue={setEnds} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-reason`}>{t("fleet.why")}</label>
        <textarea id={`${id}-reason`} className="textarea" data-first maxLength={1_000} value={reason} onChange={(event) => setReason(event.target.value)} />
      </div>
      {silence.isError && (
        <p className="note note--bad" role="alert">
          {problem(silence.error)}
        </p>
      )}
    </Dialog>
  );
}
