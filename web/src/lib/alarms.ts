/** Kinds of alarms, as the collector names them, and what their figures say. */
import type { TFunction } from "i18next";
import type { Schemas } from "@/lib/api";
import { bytes, number, percent } from "@/lib/format";
import { isObject, type Json } from "@/lib/json";

export const ALARM_KINDS = [
  "sensor_disconnected", "sensor_silent", "packet_drops", "no_traffic", "records_shed", "records_lost", "spool_filling", "clock_skew",
  "ruleset_mismatch", "configuration_mismatch", "sensor_cloned", "canary_missing", "disk_days_left", "disk_reserve", "retention_short", "notifications_failing", "feeds_failing",
  "archive_failing", "syslog_refused", "index_damaged",
] as const;

export type Alarm = Schemas["AlarmBody"];

/** The figures of an alarm in a sentence; empty where it has none, or is of a kind that is newer than this console. */
export function alarmDetail({ kind, detail: told }: Alarm, t: TFunction, language: string): string {
  // The description of the API leaves open what an alarm tells.
  const detail = told as Json;
  if (!ALARM_KINDS.some((one) => one === kind) || !isObject(detail)) return "";
  const of = (name: string) => {
    const value = detail[name];
    return typeof value === "number" ? value : 0;
  };
  const word = (name: string) => {
    const value = detail[name];
    return typeof value === "string" ? value : "";
  };
  const words = (name: string) => {
    const value = detail[name];
    return Array.isArray(value) ? value.filter((one) => typeof one === "string").join(", ") : "";
  };
  const count = (name: string) => number(of(name), language);
  const size = (name: string) => bytes(of(name), language);
  if (kind === "records_shed") return Object.entries(detail).map(([reason, lost]) => `${reason}: ${number(Number(lost), language)}`).join(", ");
  if (kind === "retention_short") {
    const shelves = Array.isArray(detail.shelves) ? detail.shelves.filter(isObject) : [];
    return shelves.map(({ shelf, held, asked }) => t("storage.holds", { shelf: t(`storage.shelf.${String(shelf)}`), count: Number(held), asked: number(Number(asked), language) })).join("; ");
  }
  return t(`alarms.detail.${kind}`, {
    seconds: count("seconds"), minutes: count("minutes"), made: count("made"), usual: count("usual"), skew: count("skew_ms"), records: count("records"),
    failed: count("failed"), messages: count("messages"), addresses: count("addresses"), senders: words("senders"), dropped: count("dropped"), packets: count("packets"), share: percent(of("dropped") / Math.max(1, of("packets") + of("dropped")), language),
    size: size("bytes"), budget: size("budget_bytes"), free: size("free_bytes"), reserve: size("reserve_bytes"), days: number(Math.floor(of("days")), language),
    name: word("name"), day: word("day").split("-").reverse().join("/"), reason: word("reason"), attempts: count("attempts"), feeds: count("count"),
    runs: word("runs").slice(0, 12) || "–", wanted: word("should_run").slice(0, 12) || "–", where: word("addresses"), hop: t(`alarms.hop.${word("hop") || "sensor"}`),
  });
}
