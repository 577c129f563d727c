/** What happened, in sentences; what to do; and the flow in time order. */
import type { UseQueryResult } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { endpoint, EVE, summary, type EveRecord } from "@/lib/eve";
import { bytes, number } from "@/lib/format";
import { numberAt, textAt } from "@/lib/json";
import { usePrefs } from "@/lib/prefs";
import { clock, dateTime, instant, shortTime } from "@/lib/time";
import { Button, Card, Empty, Failure, Loading } from "@/ui/basics";
import { Fields } from "@/ui/fields";
import type { GroupRow } from "../api";
import { useTitle } from "./title";

interface StoryProps {
  group: GroupRow;
  event: EveRecord | undefined;
  guidance: Schemas["GuidanceText"] | undefined;
  language: "vi" | "en";
}

/** Characters of an address or a name that a sentence takes. */
const MOST_SHOWN = 120;

/** Two sentences made from the group and its alert. */
function useSentences(group: GroupRow, event: EveRecord | undefined): string[] {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const title = useTitle()(group).title;
  const [attacker, target] = group.is_answer ? [group.destination, group.source] : [group.source, group.destination];
  const same = dateTime(group.first, zone) === dateTime(group.last, zone);
  const first = t(same ? "story.once" : "story.span", {
    first: dateTime(group.first, zone),
    last: dateTime(group.last, zone),
    attacker,
    target,
    count: group.count,
    total: number(group.count, i18n.language),
    // It stands in quotation marks itself.
    title: title.replace(/[“”]/g, (mark) => (mark === "“" ? "‘" : "’")),
    sensors: group.sensors.join(", "),
  });
  if (!event) return [first];
  const application = textAt(event, EVE.application);
  const up = numberAt(event, "flow.bytes_toserver");
  const down = numberAt(event, "flow.bytes_toclient");
  const whole = summary({ ...event, event_type: application ?? "" });
  const what = whole.length > MOST_SHOWN ? `${whole.slice(0, MOST_SHOWN)}…` : whole;
  const second = [
    t("story.latest", {
      time: clock(textAt(event, EVE.time) ?? "", zone),
      transport: textAt(event, EVE.transport) ?? "IP",
      source: endpoint(event, "source"),
      destination: endpoint(event, "destination"),
    }),
    application && application !== "failed" ? t("story.application", { application: application.toUpperCase(), what: what ? ` (${what})` : "" }) : "",
    up !== undefined && down !== undefined ? t("story.bytes", { up: bytes(up, i18n.language), down: bytes(down, i18n.language) }) : "",
  ];
  return [first, `${second.filter(Boolean).join(", ")}.`];
}

export function Story({ group, event, guidance, language }: StoryProps) {
  const { t } = useTranslation();
  const sentences = useSentences(group, event);
  return (
    <Card title={t("story.what")}>
      <div className="story">
        {sentences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        {guidance ? (
          <>
            <h3>{t("story.why")}</h3>
            <p>{guidance.meaning[language]}</p>
            <h3>{t("story.do")}</h3>
            <Checklist group={group.id} steps={guidance.check[language]} />
            <h3>{t("story.escalate")}</h3>
            <p>{guidance.escalate[language]}</p>
            <h3>{t("story.cause")}</h3>
            <p>{guidance.cause[language]}</p>
            {guidance.found_by !== "sid" && <p className="muted">{t(`story.foundBy.${guidance.found_by}`)}</p>}
          </>
        ) : (
          <p className="note">{t("story.noGuidance")}</p>
        )}
      </div>
    </Card>
  );
}

/** Ticks are this analyst's own, until the browser's tab is closed. */
function Checklist({ group, steps }: { group: number; steps: readonly string[] }) {
  const key = `matluoi.steps.${group}`;
  const [done, setDone] = useState<readonly number[]>(() => {
    const kept = sessionStorage.getItem(key) ?? "";
    return kept.split(",").filter(Boolean).map(Number);
  });
  const toggle = (step: number) => {
    const after = done.includes(step) ? done.filter((one) => one !== step) : [...done, step];
    setDone(after);
    sessionStorage.setItem(key, after.join(","));
  };
  return (
    <ul className="checklist">
      {steps.map((text, step) => (
        <li key={text}>
          <label className={done.includes(step) ? "is-done" : ""}>
            <input type="checkbox" checked={done.includes(step)} onChange={() => toggle(step)} />
            <span>{text}</span>
          </label>
        </li>
      ))}
    </ul>
  );
}

interface TimelineProps {
  flow: UseQueryResult<{ items: EveRecord[]; total: number }>;
  flowId: string;
  current: string;
  onEvent: (id: string) => void;
}

const SHOWN = 12;

export function Timeline({ flow, flowId, current, onEvent }: TimelineProps) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const [opened, setOpened] = useState("");
  const [all, setAll] = useState(false);
  const events = [...(flow.data?.items ?? [])].sort((a, b) => instant(startOf(a)).getTime() - instant(startOf(b)).getTime());
  const around = Math.max(0, events.findIndex((event) => textAt(event, EVE.id) === current) - SHOWN / 2);
  const shown = all ? events : events.slice(around, around + SHOWN);
  return (
    <Card title={t("timeline.title")} aside={flowId && <span className="muted mono">flow_id {flowId}</span>} bare>
      {!flowId ? (
        <Empty small title={t("timeline.noFlow")} />
      ) : flow.isPending ? (
        <Loading rows={4} />
      ) : flow.isLoadingError ? (
        <Failure small error={flow.error} retry={() => void flow.refetch()} />
      ) : events.length === 0 ? (
        <Empty small title={t("timeline.empty")} />
      ) : (
        <>
          <ol className="timeline">
            {shown.map((event) => {
              const id = textAt(event, EVE.id) ?? "";
              const type = textAt(event, EVE.type) ?? "";
              const isOpen = opened === id;
              return (
                <li key={id} className={`timeline__event timeline__event--${type} ${id === current ? "is-current" : ""}`}>
                  <button type="button" className="timeline__head" aria-expanded={isOpen} onClick={() => setOpened(isOpen ? "" : id)}>
                    <ChevronRight aria-hidden />
                    <span className="tabular">{clock(startOf(event), zone)}</span>
                    <span className={`tag ${type === "alert" ? "tag--bad" : ""}`}>{type}</span>
                    <span className="cut">{summary(event)}</span>
                    {id === current && <span className="tag tag--warn">{t("timeline.this")}</span>}
                  </button>
                  {isOpen && (
                    <div className="timeline__body">
                      {type === "alert" && id !== current && (
                        <Button size="small" onClick={() => onEvent(id)}>
                          {t("timeline.look")}
                        </Button>
                      )}
                      <Fields record={event} />
                    </div>
                  )}
                </li>
              );
            })}
          </ol>
          {shown.length < events.length && (
            <Button look="quiet" onClick={() => setAll(true)}>
              {t("timeline.all", { count: events.length })}
            </Button>
          )}
        </>
      )}
    </Card>
  );
}

/** A flow's record comes at its end; in time order it stands at its beginning. */
function startOf(event: EveRecord): string {
  const began = textAt(event, EVE.type) === "flow" ? textAt(event, "flow.start") : undefined;
  return began ?? textAt(event, EVE.time) ?? "";
}

interface OccurrencesProps {
  found: UseQueryResult<{ items: EveRecord[]; total: number }>;
  group: GroupRow;
  current: string;
  onEvent: (id: string) => void;
}

/** The alerts of the group, to choose the one that is looked at. */
export function Occurrences({ found, group, current, onEvent }: OccurrencesProps) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  return (
    <Card title={t("occurrences.title")} aside={<span className="muted tabular">{number(group.count, i18n.language)}</span>} bare>
      {found.isPending ? (
        <Loading rows={3} />
      ) : found.isLoadingError ? (
        <Failure small error={found.error} retry={() => void found.refetch()} />
      ) : found.data.items.length === 0 ? (
        <Empty small title={t("occurrences.none")} />
      ) : (
        <ul className="occurrences">
          {found.data.items.map((event) => {
            const id = textAt(event, EVE.id) ?? "";
            return (
              <li key={id}>
                <button type="button" aria-current={id === current} onClick={() => onEvent(id)}>
                  <span className="tabular">{shortTime(textAt(event, EVE.time) ?? "", undefined, zone)}</span>
                  <span className="mono cut">
                    {endpoint(event, "source")} → {textAt(event, EVE.destinationPort) ?? textAt(event, EVE.transport)}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
