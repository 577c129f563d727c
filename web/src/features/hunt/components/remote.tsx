/** Hunting among the records that stayed on sensors: what they hold, asking for it, and how far each of them is. */
import { useQuery } from "@tanstack/react-query";
import { RadioTower, Search, TriangleAlert, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime, instant } from "@/lib/time";
import { Button, Empty, Failure, Loading, useProblemText } from "@/ui/basics";
import { Popover } from "@/ui/popover";
import { toast } from "@/ui/toasts";
import { archivesQuery, remoteHuntQuery, useCancelRemoteHunt, useRemoteHunt } from "../api";
import type { HuntSearch } from "../route";

type Archive = Schemas["ArchiveBody"];
type Hunt = Schemas["RemoteHuntBody"];
type Part = Schemas["RemoteSensorBody"];

const STATES = ["kept", "off", "unknown"] as const;
const STEPS = ["queued", "sent", "searching", "done", "failed", "cancelled"] as const;
const REASONS = ["complete", "rows", "bytes", "time", "off", "unknown", "not_understood", "too_many", "unreadable", "too_much"] as const;

export function Remote({ search, onHunt }: { search: HuntSearch; onHunt: (id: number | undefined) => void }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const { analyst } = useRights();
  const archives = useQuery({ ...archivesQuery, enabled: open });
  const problem = useProblemText();
  const begin = useRemoteHunt();
  const kept = archives.data?.filter((one) => one.state === "kept").length ?? 0;
  return (
    <Popover
      label={t("remote.title")}
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button>
          <RadioTower aria-hidden /> {t("remote.title")}
        </Button>
      }
    >
      <div className="saved remote">
        <div className="saved__head">
          <h2>{t("remote.what")}</h2>
          <Button
            look="primary"
            size="small"
            disabled={!analyst || kept === 0 || begin.isPending}
            title={analyst ? undefined : t("remote.analysts")}
            onClick={() =>
              begin.mutate(search, {
                onSuccess: (hunt) => {
                  setOpen(false);
                  onHunt(hunt.id);
                },
                onError: (error) => toast({ text: problem(error), bad: true }),
              })
            }
          >
            <Search aria-hidden /> {t("remote.hunt")}
          </Button>
        </div>
        <p className="muted">{t("remote.note")}</p>
        {archives.isError ? (
          <Failure small error={archives.error} retry={() => void archives.refetch()} />
        ) : !archives.data ? (
          <Loading rows={3} />
        ) : archives.data.length === 0 ? (
          <Empty small title={t("remote.noSensors")} />
        ) : (
          <ul>
            {archives.data.map((one) => (
              <Held key={one.sensor_id} archive={one} />
            ))}
          </ul>
        )}
      </div>
    </Popover>
  );
}

/** What a sensor holds. */
function Held({ archive }: { archive: Archive }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const state = STATES.find((one) => one === archive.state) ?? "unknown";
  return (
    <li>
      <div className="saved__open">
        <span>
          <strong>{archive.sensor_name}</strong> {!archive.online && <span className="tag tag--warn">{t("remote.offline")}</span>}
        </span>
        <span className="muted">
          {state !== "kept"
            ? t(`remote.state.${state}`)
            : archive.oldest && archive.newest
              ? t("remote.holds", {
                  records: number(archive.records, i18n.language),
                  from: dateTime(archive.oldest, zone),
                  to: dateTime(archive.newest, zone),
                  used: bytes(archive.bytes, i18n.language),
                  budget: bytes(archive.budget_bytes, i18n.language),
                })
              : t("remote.empty")}
          {archive.stay.length > 0 && ` ${t("remote.stay", { kinds: archive.stay.join(", ") })}`}
          {archive.left_out > 0 && ` ${t("remote.leftOut", { count: archive.left_out })}`}
        </span>
      </div>
    </li>
  );
}

/** How far the sensors are, above the records. */
export function RemoteProgress({ id, onClose }: { id: number; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const { analyst } = useRights();
  const hunt = useQuery(remoteHuntQuery(id));
  const cancel = useCancelRemoteHunt();
  const problem = useProblemText();
  if (hunt.isError) return <Failure small error={hunt.error} retry={() => void hunt.refetch()} />;
  if (!hunt.data) return <Loading rows={1} />;
  const told = hunt.data;
  const lacking = told.sensors.filter((part) => isLacking(part, told)).length;
  return (
    <div className="remote__strip">
      <RadioTower aria-hidden />
      <span role="status">
        {t("remote.answered", { answered: told.answered, asked: told.asked, found: number(told.found, i18n.language) })}
        {told.open && ` ${t("remote.waiting")}`}
      </span>
      {told.open && <progress aria-label={t("remote.progress")} max={1} value={share(told)} />}
      {lacking > 0 && (
        <span className="tag tag--warn">
          <TriangleAlert aria-hidden /> {t("remote.lacking", { count: lacking })}
        </span>
      )}
      <span className="spring" />
      <Popover label={t("remote.sensors")} open={open} onOpenChange={setOpen} trigger={<Button size="small">{t("remote.sensors")}</Button>}>
        <div className="saved remote">
          <p className="muted">{t("remote.limits", { rows: number(told.max_rows, i18n.language), bytes: bytes(told.max_bytes, i18n.language) })}</p>
          <ul>
            {told.sensors.map((part) => (
              <Progress key={part.sensor_id} part={part} hunt={told} />
            ))}
          </ul>
        </div>
      </Popover>
      {told.open && analyst && (
        <Button size="small" disabled={cancel.isPending} onClick={() => cancel.mutate(id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
          {t("remote.cancel")}
        </Button>
      )}
      <Button size="small" look="quiet" onClick={onClose} aria-label={t("remote.close")} title={t("remote.close")}>
        <X aria-hidden />
      </Button>
    </div>
  );
}

/** From 0 to 1: all sensors count alike. */
function share(hunt: Hunt): number {
  const of = (part: Part) => (["queued", "sent", "searching"].includes(part.state) ? (part.total ? part.looked_at / part.total : 0) : 1);
  return hunt.sensors.reduce((sum, part) => sum + of(part), 0) / Math.max(1, hunt.sensors.length);
}

/** The sensor's answer does not cover all that was asked: it failed, a limit ended it, or older records have gone. */
function isLacking(part: Part, hunt: Hunt): boolean {
  if (part.state === "failed" || part.damaged > 0) return true;
  if (part.state !== "done") return false;
  return part.reason !== "complete" || hasLost(part, hunt);
}

function hasLost(part: Part, hunt: Hunt): boolean {
  return part.rotated && !!part.oldest && instant(part.oldest) > instant(hunt.from);
}

function Progress({ part, hunt }: { part: Part; hunt: Hunt }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const step = STEPS.find((one) => one === part.state) ?? "queued";
  const reason = REASONS.find((one) => one === part.reason);
  return (
    <li>
      <div className="saved__open">
        <span>
          <strong>{part.sensor_name}</strong> {t(`remote.step.${step}`)}
          {reason && `: ${t(`remote.reason.${reason}`)}`} {!part.online && ["queued", "sent", "searching"].includes(step) && <span className="tag tag--warn">{t("remote.offline")}</span>}
        </span>
        <span className="muted">
          {t("remote.found", { found: number(part.found, i18n.language), looked: number(part.looked_at, i18n.language) })}
          {part.oldest && ` ${t("remote.covers", { from: dateTime(part.oldest, zone) })}`}
          {hasLost(part, hunt) && ` ${t("remote.rotated")}`}
          {part.damaged > 0 && ` ${t("remote.damaged", { count: part.damaged })}`}
        </span>
        {step === "searching" && <progress aria-label={t("remote.progress")} max={Math.max(1, part.total ?? 1)} value={part.looked_at} />}
      </div>
    </li>
  );
}
