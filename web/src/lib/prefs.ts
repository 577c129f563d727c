/** What a person sets for this browser: language, theme, time zone. Kept in the browser's storage. */
import { useSyncExternalStore } from "react";

export interface Prefs {
  language: "vi" | "en";
  theme: "system" | "light" | "dark";
  zone: "Asia/Ho_Chi_Minh" | "UTC";
  sidebar: "wide" | "narrow";
  density: "comfortable" | "dense";
}

const DEFAULTS: Prefs = { language: "vi", theme: "system", zone: "Asia/Ho_Chi_Minh", sidebar: "wide", density: "comfortable" };
const CHOICES: { [Key in keyof Prefs]: readonly Prefs[Key][] } = {
  language: ["vi", "en"],
  theme: ["system", "light", "dark"],
  zone: ["Asia/Ho_Chi_Minh", "UTC"],
  sidebar: ["wide", "narrow"],
  density: ["comfortable", "dense"],
};

function stored<Key extends keyof Prefs>(key: Key): Prefs[Key] {
  try {
    const value = localStorage.getItem(`matluoi.${key}`);
    return CHOICES[key].find((choice) => choice === value) ?? DEFAULTS[key];
  } catch {
    return DEFAULTS[key];
  }
}

let prefs: Prefs = {
  language: stored("language"),
  theme: stored("theme"),
  zone: stored("zone"),
  sidebar: stored("sidebar"),
  density: stored("density"),
};
const listeners = new Set<() => void>();

export function currentPrefs(): Prefs {
  return prefs;
}

export function setPref<Key extends keyof Prefs>(key: Key, value: Prefs[Key]): void {
  prefs = { ...prefs, [key]: value };
  try {
    localStorage.setItem(`matluoi.${key}`, value);
  } catch {
    // Without storage it holds until the page is closed.
  }
  if (key === "theme" || key === "density") applyTheme();
  for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(subscribe, currentPrefs);
}

const dark = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : undefined;

/** The theme that shows. */
export function shownTheme(): "light" | "dark" {
  if (prefs.theme !== "system") return prefs.theme;
  return dark?.matches ? "dark" : "light";
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = shownTheme();
  document.documentElement.dataset.density = prefs.density;
}

dark?.addEventListener("change", () => {
  applyTheme();
  prefs = { ...prefs };
  for (const listener of listeners) listener();
});
