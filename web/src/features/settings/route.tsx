import { choice } from "@/lib/search-params";

export const TABS = ["access", "people", "units", "notifications", "alarms", "sources", "storage"] as const;

export type Tab = (typeof TABS)[number];

export interface SettingsSearch {
  tab?: Tab;
}

export function settingsSearch(raw: Record<string, unknown>): SettingsSearch {
  const tab = choice(raw, "tab", TABS);
  return tab === undefined ? {} : { tab };
}
