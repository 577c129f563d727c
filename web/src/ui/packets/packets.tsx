/** The packets of an event's flow: whether the sensor still has them, asking for them, and what is in them. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, Play, X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { bytes } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, buttonClass, Failure, Loading, Partial, Segmented, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { Conversation } from "./conversation";
import { Files } from "./files";
import { PacketList } from "./packet-list";
import "./packets.css";

type Request = Schemas["EvidenceBody"];
type Availability = Schemas["AvailabilityBody"];

const STATES = ["available", "rotated", "not_kept", "no_alert", "off", "unknown", "no_flow", "foreign"] as const;
const STEPS = ["queued", "sent", "reading", "uploading", "ready", "failed", "cancelled"] as const;
const FAULTS = ["off", "rotated", "not_kept", "unreadable", "too_many", "too_much"] as const;
const OPEN: readonly string[] = ["queued", "sent", "reading", "uploading"];
/** Between two looks at a request that is on its way. */
const POLL_MS = 1_000;

function useEvidence(eventId: string) {
  return useQuery({
    queryKey: ["evidence", eventId],
    queryFn: ({ signal }) => body(api.GET("/api/v1/events/{id}/evidence", { params: { path: { id: eventId } }, signal })),
    refetchInterval: (query) => (query.state.data?.requests.some((one) => OPEN.includes(one.state)) ? POLL_MS : false),
    placeholderData: keepPreviousData,
  });
}

export function Packets({ eventId, analyst }: { eventId: string; analyst: boolean }) {
  const found = useEvidence(eventId);
  if (found.isError) return <Failure small error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={3} />;
  const newest = found.data.requests[0];
  const open = newest !== undefined && OPEN.includes(newest.state);
  return (
    <div className="packets__parts">
      <Store told={found.data} />
      {newest && <Progress request={newest} eventId={eventId} analyst={analyst} />}
      {!open && newest?.state !== "ready" && <Ask told={found.data} eventId={eventId} analyst={analyst} again={newest !== undefined} />}
      {newest?.state === "ready" && analyst && <Shown request={newest} />}
    </div>
  );
}

/** What the sensor has, before anybody asks for it. */
function Store({ told }: { told: Availability }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const state = STATES.find((one) => one === told.state) ?? "unknown";
  const size = (value: number | null | undefined) => bytes(value ?? 0, i18n.language);
  return (
    <div>
      <p>
        <strong>{t(`packets.state.${state}`)}</strong>
      </p>
      {told.oldest && told.newest && (
        <p className="muted">
          {t("packets.range", {
            sensor: told.sensor_name,
            from: dateTime(told.oldest, zone),
            to: dateTime(told.newest, zone),
            used: size(told.bytes),
            budget: size(told.budget_bytes),
            mode: t(`packets.mode.${told.mode === "full" ? "full" : "alerts"}`),
          })}
          {told.left_out > 0 && ` ${t("packets.leftOut", { count: told.left_out })}`}
        </p>
      )}
      {!told.online && state !== "foreign" && <p className="note">{t("packets.offline")}</p>}
    </div>
  );
}

function Ask({ told, eventId, analyst, again }: { told: Availability; eventId: string; analyst: boolean; again: boolean }) {
  const { t } = useTranslation();
  const id = useId();
  const queries = useQueryClient();
  const problem = useProblemText();
  const [reason, setReason] = useState("");
  const ask = useMutation({
    mutationFn: () => body(api.POST("/api/v1/events/{id}/evidence", { params: { path: { id: eventId } }, body: { reason: reason.trim() } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["evidence", eventId] }),
    onError: (error) => toast({ text: `${t("packets.failedRequest")}: ${problem(error)}`, bad: true }),
  });
  // What is not sure is worth a try: the sensor says why not.
  const possible = told.flow_id !== null && told.flow_id !== undefined && !["foreign", "no_flow", "no_alert", "off"].includes(told.state);
  if (!possible) return null;
  return (
    <form
      className="packets__ask"
      onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim()) ask.mutate();
      }}
    >
      <div className="field">
        <label htmlFor={id}>{t("packets.reason")}</label>
        <input id={id} className="input" value={reason} maxLength={200} disabled={!analyst} aria-describedby={`${id}-hint`} onChange={(event) => setReason(event.target.value)} />
        <span id={`${id}-hint`} className="muted">
          {t("packets.reasonHint")}
        </span>
      </div>
      <Button type="submit" look="primary" disabled={!analyst || ask.isPending || !reason.trim()}>
        <Play aria-hidden /> {t(again ? "packets.again" : "packets.request")}
      </Button>
    </form>
  );
}

function Progress({ request, eventId, analyst }: { request: Request; eventId: string; analyst: boolean }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => body(api.POST("/api/v1/evidence/{id}/cancel", { params: { path: { id: request.id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["evidence", eventId] }),
  });
  const step = STEPS.find((one) => one === request.state) ?? "queued";
  const fault = FAULTS.find((one) => one === request.fault);
  const total = request.total_frames ?? 0;
  return (
    <div role="status">
      <p>
        <strong>{t(`packets.step.${step}`)}</strong>
        {fault && `: ${t(`packets.fault.${fault}`)}`}
        {step === "uploading" && ` · ${t("packets.came", { frames: request.frames, total })}`}
      </p>
      <p className="muted">{t("packets.requested", { user: request.requested_by, at: dateTime(request.requested, zone), reason: request.reason })}</p>
      {OPEN.includes(request.state) && (
        <div className="packets__choice">
          <progress aria-label={t(`packets.step.${step}`)} max={Math.max(total, 1)} value={step === "uploading" ? request.frames : undefined} />
          <Button size="small" disabled={!analyst || cancel.isPending} onClick={() => cancel.mutate()}>
            <X aria-hidden /> {t("packets.cancel")}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Packets that are here. */
function Shown({ request }: { request: Request }) {
  const { t, i18n } = useTranslation();
  const [view, setView] = useState<"talk" | "list" | "files">("talk");
  return (
    <>
      {request.cut && <Partial>{t("packets.incomplete.cut")}</Partial>}
      {request.rotated && <Partial>{t("packets.incomplete.rotated")}</Partial>}
      {request.damaged > 0 && <Partial>{t("packets.incomplete.damaged")}</Partial>}
      <div className="packets__choice">
        <Segmented
          legend={t("packets.view")}
          value={view}
          onChange={setView}
          options={[
            { value: "talk", label: t("packets.talk") },
            { value: "list", label: t("packets.list") },
            { value: "files", label: t("packets.files") },
          ]}
        />
        <a className={buttonClass("plain", "small")} href={`/api/v1/evidence/${request.id}/pcapng`} download>
          <Download aria-hidden /> {t("packets.download", { size: bytes(request.file_bytes ?? 0, i18n.language) })}
        </a>
        <Lock id={request.id} />
      </div>
      <p className="muted cut">
        {t("packets.hash")}: <span className="mono">{request.sha256}</span>
      </p>
      {view === "talk" ? <Conversation id={request.id} /> : view === "list" ? <PacketList id={request.id} /> : <Files id={request.id} />}
    </>
  );
}

/** Puts a copy into a case. */
function Lock({ id }: { id: number }) {
  const { t } = useTranslation();
  const problem = useProblemText();
  const [into, setInto] = useState(0);
  const open = useQuery({
    queryKey: ["cases", "open"],
    queryFn: ({ signal }) => body(api.GET("/api/v1/cases", { params: { query: { status: ["open", "contained"], limit: 200 } }, signal })),
  });
  const lock = useMutation({
    mutationFn: () => body(api.POST("/api/v1/evidence/{id}/case", { params: { path: { id } }, body: { case_id: into } })),
    onSuccess: (kept) => toast({ text: t("packets.locked", { case: kept.case_id }) }),
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  if (!open.data?.items.length) return null;
  return (
    <>
      <select className="select" aria-label={t("packets.choose")} value={into} onChange={(event) => setInto(Number(event.target.value))}>
        <option value={0}>{t("packets.choose")}</option>
        {open.data.items.map((one) => (
          <option key={one.id} value={one.id}>
            #{one.id} {one.title}
          </option>
        ))}
      </select>
      <Button size="small" disabled={into === 0 || lock.isPending} onClick={() => lock.mutate()}>
        {t("packets.lock")}
      </Button>
    </>
  );
}
