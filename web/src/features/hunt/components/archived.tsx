/** What of the range lies in the archive, and was not searched; whoever may can have it brought back. */
import { Archive, History } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number } from "@/lib/format";
import { usePolling } from "@/lib/presence";
import { useRights } from "@/lib/session";
import { Button } from "@/ui/basics";
import { FormDialog, Pick } from "@/ui/form";
import { useRecall } from "../api";

const POLL_MS = 3_000;
const HOURS = ["8", "24", "72", "168"] as const;

/** A day as it is written here: `2026-11-26` → `26/11/2026`. */
const date = (day: string) => day.split("-").reverse().join("/");

interface ArchivedProps {
  archived: Schemas["ArchivedBody"];
  kind: "alert" | "record" | undefined;
  /** Searches again: something may have come. */
  again: () => void;
}

export function Archived({ archived, kind, again }: ArchivedProps) {
  const { t, i18n } = useTranslation();
  const { analyst } = useRights();
  const [asking, setAsking] = useState(false);
  const days = archived.first === archived.last ? date(archived.first) : `${date(archived.first)} – ${date(archived.last)}`;
  return (
    <div className="remote__strip">
      <Archive aria-hidden />
      <span role="status">
        {t("archive.inRange", { count: archived.days, days, events: number(archived.events, i18n.language) })}
        {archived.coming > 0 && ` ${t("archive.coming", { count: archived.coming })}`}
      </span>
      {archived.coming > 0 && <Waiting again={again} />}
      <span className="spring" />
      {analyst && archived.coming < archived.days && (
        <Button size="small" onClick={() => setAsking(true)}>
          <History aria-hidden /> {t("archive.bring")}
        </Button>
      )}
      {asking && <RecallDialog archived={archived} kind={kind} days={days} size={bytes(archived.bytes, i18n.language)} onBegun={again} onClose={() => setAsking(false)} />}
    </div>
  );
}

function Waiting({ again }: { again: () => void }) {
  usePolling(again, POLL_MS);
  return null;
}

interface RecallDialogProps {
  archived: Schemas["ArchivedBody"];
  kind: ArchivedProps["kind"];
  days: string;
  size: string;
  onBegun: () => void;
  onClose: () => void;
}

function RecallDialog({ archived, kind, days, size, onBegun, onClose }: RecallDialogProps) {
  const { t } = useTranslation();
  const [hours, setHours] = useState<(typeof HOURS)[number]>("24");
  const recall = useRecall();
  return (
    <FormDialog
      title={t("archive.bring")}
      submit={
        <>
          <History aria-hidden /> {t("archive.bring")}
        </>
      }
      ready={!recall.isPending}
      error={recall.error}
      onSubmit={() =>
        recall.mutate(
          { from: `${archived.first}T00:00:00Z`, to: `${archived.last}T23:59:59Z`, class: kind, hours: Number(hours) },
          {
            onSuccess: () => {
              onClose();
              onBegun();
            },
          },
        )
      }
      onClose={onClose}
    >
      <p>{t("archive.bringText", { days, size })}</p>
      <Pick label={t("archive.stay")} value={hours} options={HOURS.map((value) => ({ value, label: t(`archive.hours.${value}`) }))} onPick={setHours} />
    </FormDialog>
  );
}
