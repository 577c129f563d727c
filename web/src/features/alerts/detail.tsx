/** One alert group: what happened, why it matters, what to do now; and the evidence. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { ArrowLeft, ArrowUpRight, Check, ChevronDown, ChevronUp, CircleHelp, EyeOff, FolderPlus, MessageSquare, RotateCcw, SearchCode, ShieldAlert, ShieldCheck, ShieldQuestion, UserCheck } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { EVE } from "@/lib/eve";
import { textAt } from "@/lib/json";
import { useKeys } from "@/lib/keys";
import { useRights } from "@/lib/session";
import { Button, buttonClass, IconButton, Severity } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { Unready } from "@/ui/unready";
import { VERDICTS, eventQuery, flowQuery, groupQuery, occurrencesQuery, useActions, useHiding, type Act, type ActionName, type Verdict } from "./api";
import { CaseDialog } from "./components/case-dialog";
import { CloseDialog, CommentDialog, HelpDialog } from "./components/dialogs";
import { Evidence } from "./components/evidence";
import { HideDialog } from "./components/hide-dialog";
import { Endpoints, Memory } from "./components/context";
import { Occurrences, Story, Timeline } from "./components/story";
import { useTitle } from "./components/title";
import type { AlertSearch } from "./route";
import { beside, currentTrail } from "./trail";
import "./alerts.css";

const route = getRouteApi("/signed-in/alerts/$group");

type Asked = { kind: "close"; verdict?: Verdict; reason?: string; escalate?: boolean } | { kind: "comment" } | { kind: "hide" } | { kind: "case" } | { kind: "help" };

export function AlertPage() {
  const { t, i18n } = useTranslation();
  const id = Number(route.useParams().group);
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const titleOf = useTitle();
  const { user, analyst } = useRights();
  const { act, undoLast } = useActions();
  const [asked, setAsked] = useState<Asked | undefined>();
  const found = useQuery(groupQuery(id));
  const group = found.data?.group;
  const eventId = search.event ?? group?.latest_alert ?? "";
  const event = useQuery({ ...eventQuery(eventId), enabled: eventId !== "" });
  const flowId = textAt(event.data, EVE.flow) ?? "";
  const flow = useQuery(flowQuery(flowId));
  const occurrences = useQuery({
    ...(group ? occurrencesQuery(group) : { queryKey: ["event", "of-group", "none"], queryFn: () => Promise.resolve({ items: [], total: 0 }) }),
    enabled: group !== undefined,
  });

  const back = () => void navigate({ to: "/alerts", search: currentTrail().search });
  const go = (step: 1 | -1) => {
    const next = beside(id, step);
    if (next === undefined) toast({ text: t(step > 0 ? "detail.last" : "detail.first") });
    else void navigate({ to: "/alerts/$group", params: { group: String(next) }, search: search.tab ? { tab: search.tab } : {} });
  };
  const hunt = (q: string) => void navigate({ to: "/hunt", search: { q, from: "now-7d" } });
  const change = (to: AlertSearch) => void navigate({ search: (before) => ({ ...before, ...to }), replace: true });
  const run = (action: ActionName, more: Pick<Act, "verdict" | "reason" | "comment" | "owner" | "mute_days"> = {}) => {
    if (analyst) act.mutate({ ids: [id], versions: group ? [group.version] : undefined, action, ...more });
    else toast({ text: t("alerts.viewerCannot"), bad: true });
  };
  const ask = (what: Asked) => (analyst ? setAsked(what) : toast({ text: t("alerts.viewerCannot"), bad: true }));
  const { create: hide } = useHiding();
  const closed = group?.status === "closed";
  useKeys(
    {
      u: back,
      "[": () => go(-1),
      "]": () => go(1),
      k: () => go(-1),
      j: () => go(1),
      v: () => run("acknowledge"),
      e: () => ask({ kind: "close" }),
      f: () => ask({ kind: "close", verdict: "false_positive" }),
      s: () => run("escalate"),
      "Shift+s": () => ask({ kind: "close", verdict: "true_positive", escalate: true }),
      h: () => ask({ kind: "hide" }),
      p: () => change({ tab: "payload" }),
      a: () => run("assign", { owner: user.name }),
      c: () => ask({ kind: "comment" }),
      r: () => void router.invalidate().then(() => found.refetch()),
      z: undoLast,
      "?": () => setAsked({ kind: "help" }),
    },
    asked === undefined,
  );
  useEffect(() => {
    if (group) document.title = `${titleOf(group).title} – Mắt Lưới`;
  });

  const away = (
    <IconButton look="quiet" label={t("detail.back")} shortcut="u" onClick={back}>
      <ArrowLeft aria-hidden />
    </IconButton>
  );
  if (!found.data || !group) return <Unready title={`${t("nav.alerts")} #${id}`} back={away} found={found} />;
  const { title, rule } = titleOf(group);
  const guidance = found.data.guidance;
  const language = i18n.language === "en" ? "en" : "vi";
  return (
    <div className="page">
      <div className="page__head detail__head">
        {away}
        <Severity level={group.severity} />
        <div className="detail__title">
          <h1>{title}</h1>
          <p className="muted cut">
            {rule ?? group.category} · sid {group.sid}
          </p>
        </div>
        <span className={`tag ${closed ? "tag--good" : group.status === "escalated" ? "tag--bad" : ""}`}>
          {t(`status.${group.status}`)}
          {group.owner && ` · ${group.owner}`}
        </span>
        <Link className={buttonClass("quiet")} to="/hunt" search={{ q: `sid:${group.sid} ip:${group.source}`, from: "now-7d" }}>
          <SearchCode aria-hidden /> {t("detail.hunt")}
        </Link>
        <IconButton label={t("detail.previous")} shortcut="[" onClick={() => go(-1)}>
          <ChevronUp aria-hidden />
        </IconButton>
        <IconButton label={t("detail.next")} shortcut="]" onClick={() => go(1)}>
          <ChevronDown aria-hidden />
        </IconButton>
        <IconButton label={t("keys.title")} shortcut="?" onClick={() => setAsked({ kind: "help" })}>
          <CircleHelp aria-hidden />
        </IconButton>
      </div>
      <div className="detail__actions" role="toolbar" aria-label={t("detail.actions")}>
        {closed ? (
          <Button onClick={() => run("reopen")} disabled={!analyst}>
            <RotateCcw aria-hidden /> {t("action.reopen")}
          </Button>
        ) : (
          <>
            <Button disabled={!analyst} onClick={() => ask({ kind: "close", verdict: "true_positive" })}>
              <ShieldAlert aria-hidden /> {t("verdict.true_positive")}
            </Button>
            <Button disabled={!analyst} onClick={() => ask({ kind: "close", verdict: "false_positive" })}>
              <ShieldQuestion aria-hidden /> {t("verdict.false_positive")}
            </Button>
            <Button disabled={!analyst} onClick={() => ask({ kind: "close", verdict: "benign" })}>
              <ShieldCheck aria-hidden /> {t("verdict.benign")}
            </Button>
            <span className="detail__gap" />
            {group.status === "new" && (
              <Button disabled={!analyst} onClick={() => run("acknowledge")}>
                <Check aria-hidden /> {t("action.acknowledge")}
              </Button>
            )}
            {group.owner !== user.name && (
              <Button disabled={!analyst} onClick={() => run("assign", { owner: user.name })}>
                <UserCheck aria-hidden /> {t("action.assignMe")}
              </Button>
            )}
            {group.status !== "escalated" && (
              <Button disabled={!analyst} onClick={() => run("escalate")}>
                <ArrowUpRight aria-hidden /> {t("action.escalate")}
              </Button>
            )}
          </>
        )}
        {!closed && group.status !== "hidden" && (
          <Button disabled={!analyst} onClick={() => ask({ kind: "hide" })}>
            <EyeOff aria-hidden /> {t("action.hide")}
          </Button>
        )}
        <Button disabled={!analyst} onClick={() => ask({ kind: "case" })}>
          <FolderPlus aria-hidden /> {t("action.toCase")}
        </Button>
        <Button disabled={!analyst} onClick={() => ask({ kind: "comment" })}>
          <MessageSquare aria-hidden /> {t("action.comment")}
        </Button>
      </div>
      <div className="page__body">
        <div className="detail">
          <div className="detail__main">
            <Story group={group} event={event.data} guidance={guidance ?? undefined} language={language} />
            <Timeline flow={flow} flowId={flowId} current={eventId} onEvent={(one) => change({ event: one })} />
            <Evidence
              eventId={eventId}
              analyst={analyst}
              tab={search.tab ?? "protocol"}
              onTab={(tab) => change({ tab: tab === "protocol" ? undefined : tab })}
              event={event}
              rule={found.data.rule ?? undefined}
              history={found.data.history}
              onHunt={hunt}
            />
          </div>
          <div className="detail__side">
            <Memory
              memory={found.data.memory}
              onReason={closed ? undefined : (said) => ask({ kind: "close", verdict: VERDICTS.find((one) => one === said.verdict), reason: said.reason })}
            />
            <Endpoints group={group} event={event.data} onHunt={hunt} />
            <Occurrences found={occurrences} group={group} current={eventId} onEvent={(one) => change({ event: one === group.latest_alert ? undefined : one })} />
          </div>
        </div>
      </div>
      {asked?.kind === "help" && <HelpDialog onClose={() => setAsked(undefined)} />}
      {asked?.kind === "close" && (
        <CloseDialog
          count={1}
          verdict={asked.verdict}
          reason={asked.reason}
          escalate={asked.escalate}
          onClose={() => setAsked(undefined)}
          onDone={(verdict, reason, mute_days) => {
            setAsked(undefined);
            run(asked.escalate ? "escalate_close" : "close", { verdict, reason, mute_days });
          }}
        />
      )}
      {asked?.kind === "case" && <CaseDialog groups={[group]} onClose={() => setAsked(undefined)} onDone={(made) => void navigate({ to: "/cases/$case", params: { case: String(made) } })} />}
      {asked?.kind === "hide" && (
        <HideDialog
          group={group}
          onClose={() => setAsked(undefined)}
          onDone={(rule) => {
            setAsked(undefined);
            hide.mutate(rule);
          }}
        />
      )}
      {asked?.kind === "comment" && (
        <CommentDialog
          count={1}
          onClose={() => setAsked(undefined)}
          onDone={(comment) => {
            setAsked(undefined);
            run("comment", { comment });
          }}
        />
      )}
    </div>
  );
}
