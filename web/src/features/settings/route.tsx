import { choice, text } from "@/lib/search-params";
import { moment } from "@/lib/time";

export const TABS = ["access", "people", "units", "notifications", "alarms", "sources", "storage", "audit"] as const;

export const MESSAGES = ["waiting", "sent", "failed"] as const;

/** How actions of the audit log begin. */
export const AREAS = [
  "session", "user", "second_factor", "token", "unit", "group", "hide_rule", "case", "event", "evidence", "export", "report", "quarantine", "rule_set", "rule_capture", "feed", "rule_hunt", "collector_rules",
  "remote_hunt", "sensor", "enrolment", "fleet", "silence", "alarm", "alarms", "channel", "notification_rule", "message", "source", "asset", "archive", "provider", "audit", "admin",
] as const;

/** The audit log is shown from there on. */
export const USUAL_AUDIT = "now-30d";

export type Tab = (typeof TABS)[number];

export interface SettingsSearch {
  tab?: Tab;
  /** Messages of the outbox in this state alone. */
  messages?: (typeof MESSAGES)[number];
  /** Of the audit log: who did it, what kind of thing, words in it, and when. */
  who?: string;
  area?: (typeof AREAS)[number];
  words?: string;
  from?: string;
  to?: string;
}

function time(raw: Record<string, unknown>, key: string): string | undefined {
  const value = text(raw, key, 40);
  return value !== undefined && moment(value) !== null ? value : undefined;
}

export function settingsSearch(raw: Record<string, unknown>): SettingsSearch {
  const search: SettingsSearch = {
    tab: choice(raw, "tab", TABS),
    messages: choice(raw, "messages", MESSAGES),
    who: text(raw, "who", 100),
    area: choice(raw, "area", AREAS),
    words: text(raw, "words", 200),
    from: time(raw, "from"),
    to: time(raw, "to"),
  };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}
