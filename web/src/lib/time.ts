/** Times as people read them (`23/11/2026 17:30:05`), in the zone that is set; and relative times of queries. */
import { currentPrefs, type Prefs } from "@/lib/prefs";

export type Zone = Prefs["zone"];
type TimeInput = string | number | Date;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone): Intl.DateTimeFormat {
  let made = formats.get(zone);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, made);
  }
  return made;
}

interface Parts {
  date: string;
  day: string;
  hourMinute: string;
  time: string;
}

/** EVE writes zones without a colon, which not every browser reads. */
export function instant(input: TimeInput): Date {
  return new Date(typeof input === "string" ? input.replace(/([+-]\d{2})(\d{2})$/, "$1:$2") : input);
}

function parts(input: TimeInput, zone: Zone): Parts | null {
  const date = instant(input);
  if (Number.isNaN(date.getTime())) return null;
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of format(zone).formatToParts(date)) part[type] = value;
  const day = `${part.day}/${part.month}`;
  const hourMinute = `${part.hour}:${part.minute}`;
  return { date: `${day}/${part.year}`, day, hourMinute, time: `${hourMinute}:${part.second}` };
}

/** `23/11/2026 17:30:05` */
export function dateTime(input: TimeInput, zone: Zone = currentPrefs().zone): string {
  const read = parts(input, zone);
  return read ? `${read.date} ${read.time}` : "";
}

/** `17:30:05` */
export function clock(input: TimeInput, zone: Zone = currentPrefs().zone): string {
  return parts(input, zone)?.time ?? "";
}

/** `17:30` today, else `23/11 17:30`. */
export function shortTime(input: TimeInput, now: Date = new Date(), zone: Zone = currentPrefs().zone): string {
  const read = parts(input, zone);
  if (!read) return "";
  return read.date === parts(now, zone)?.date ? read.hourMinute : `${read.day} ${read.hourMinute}`;
}

/** `23/11 17:30` */
export function dayTime(input: TimeInput, zone: Zone = currentPrefs().zone): string {
  const read = parts(input, zone);
  return read ? `${read.day} ${read.hourMinute}` : "";
}

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The moment that `now`, `now-24h` or an RFC 3339 time means; `null` when it means none. */
export function moment(text: string, now: number = Date.now()): number | null {
  if (text === "now") return now;
  const relative = /^now([+-]\d{1,9})([smhdw])$/.exec(text);
  if (relative) return now + Number(relative[1]) * (UNITS[relative[2] ?? ""] ?? 0);
  if (!/^\d{4}-\d{2}-\d{2}T/.test(text)) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

export function isRelative(text: string): boolean {
  return text.startsWith("now");
}

/** How long ago, for `Intl.RelativeTimeFormat`. */
export function ago(input: TimeInput, language: string, now: number = Date.now()): string {
  const seconds = Math.round((instant(input).getTime() - now) / 1_000);
  if (Number.isNaN(seconds)) return "";
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(seconds, "second");
  if (size < 3_600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return relative.format(Math.round(seconds / 3_600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/** Offset of a zone: the console offers two, neither of which changes its clocks. */
function offset(zone: Zone): string {
  return zone === "UTC" ? "Z" : "+07:00";
}

/** The value of a `datetime-local` input for a moment. */
export function toInput(time: number, zone: Zone = currentPrefs().zone): string {
  const read = parts(time, zone);
  if (!read) return "";
  const [day, month, year] = read.date.split("/");
  return `${year}-${month}-${day}T${read.time}`;
}

/** The moment of a `datetime-local` input. */
export function fromInput(value: string, zone: Zone = currentPrefs().zone): number | null {
  if (!value) return null;
  const seconds = value.length === 16 ? `${value}:00` : value;
  const time = Date.parse(seconds + offset(zone));
  return Number.isNaN(time) ? null : time;
}
