import { choice } from "@/lib/search-params";

export const TABS = ["access", "people", "units"] as const;

export interface SettingsSearch {
  tab?: (typeof TABS)[number];
}

export function settingsSearch(raw: Record<string, unknown>): SettingsSearch {
  const tab = choice(raw, "tab", TABS);
  return tab === undefined ? {} : { tab };
}
