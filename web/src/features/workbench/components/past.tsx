/** The draft on alerts of the last days: their packets are fetched from the sensors, then the rules run on them. */
import { useQuery } from "@tanstack/react-query";
import { Download, History } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { instant } from "@/lib/time";
import { Button } from "@/ui/basics";
import { FormDialog, Text } from "@/ui/form";
import { toast } from "@/ui/toasts";
import { evidenceQuery, isOnItsWay, unfetchedQuery, useFetchEvidence } from "../api";

const DAY_MS = 86_400_000;
const PAST_DAYS = [1, 7, 30, 90] as const;
/** The rules run on as many captures, the newest; each takes a process of its own. */
const MOST_TRIED = 50;

interface PastProps {
  /** A try is running, and has done so many captures. */
  running: boolean;
  done: number;
  onRun: (captures: string[]) => void;
}

export function Past({ running, done, onRun }: PastProps) {
  const { t } = useTranslation();
  const id = useId();
  const [days, setDays] = useState<number>(7);
  const [asking, setAsking] = useState(false);
  const evidence = useQuery(evidenceQuery);
  // Days are counted back from when the list came.
  const since = evidence.dataUpdatedAt - days * DAY_MS;
  const all = (evidence.data ?? []).filter((one) => instant(one.changed).getTime() > since);
  const ready = all.filter((one) => one.state === "ready").slice(0, MOST_TRIED);
  const coming = all.filter(isOnItsWay).length;
  const unfetched = useQuery(unfetchedQuery(days, evidence.data));
  const lacking = unfetched.data ?? [];
  return (
    <div className="bench__bar">
      <label htmlFor={`${id}-days`}>{t("bench.past")}</label>
      <select id={`${id}-days`} className="select" value={days} onChange={(event) => setDays(Number(event.target.value))}>
        {PAST_DAYS.map((one) => (
          <option key={one} value={one}>
            {t("bench.pastDays", { count: one })}
          </option>
        ))}
      </select>
      <Button onClick={() => onRun(ready.map((one) => `evidence:${one.id}`))} disabled={ready.length === 0 || running}>
        <History aria-hidden /> {t("bench.runPast", { count: ready.length })}
      </Button>
      {lacking.length > 0 && (
        <Button onClick={() => setAsking(true)} disabled={running || coming > 0}>
          <Download aria-hidden /> {t("bench.fetch", { count: lacking.length })}
        </Button>
      )}
      <span className="muted" role="status">
        {running && done > 0
          ? t("bench.pastDone", { done, count: ready.length })
          : coming > 0
            ? t("bench.coming", { count: coming })
            : t(ready.length === 0 ? "bench.noPast" : "bench.pastHint")}
      </span>
      {asking && <FetchDialog events={lacking} onClose={() => setAsking(false)} />}
    </div>
  );
}

function FetchDialog({ events, onClose }: { events: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const fetching = useFetchEvidence();
  const submit = () =>
    fetching.mutate(
      { events, reason: reason.trim() },
      {
        onSuccess: ({ asked, refused }) => {
          toast({ text: refused > 0 ? t("bench.fetchedSome", { count: asked, refused }) : t("bench.fetched", { count: asked }), bad: asked === 0 });
          onClose();
        },
      },
    );
  return (
    <FormDialog title={t("bench.fetch", { count: events.length })} submit={t("packets.request")} ready={reason.trim() !== "" && !fetching.isPending} error={fetching.error} onSubmit={submit} onClose={onClose}>
      <p>{t("bench.fetchText")}</p>
      <Text label={t("packets.reason")} hint={t("packets.reasonHint")} maxLength={200} value={reason} onText={setReason} />
    </FormDialog>
  );
}
