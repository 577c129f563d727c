import { choice } from "@/lib/search-params";

export const TABS = ["access", "people", "units", "notifications", "alarms", "sources", "storage"] as const;

export const MESSAGES = ["waiting", "sent", "failed"] as const;

export type Tab = (typeof TABS)[number];

export interface SettingsSearch {
  tab?: Tab;
  /** Messages of the outbox in this state alone. */
  messages?: (typeof MESSAGES)[number];
}

export function settingsSearch(raw: Record<string, unknown>): SettingsSearch {
  const tab = choice(raw, "tab", TABS);
  const messages = choice(raw, "messages", MESSAGES);
  return { ...(tab && { tab }), ...(messages && { messages }) };
}
