/** Moments, days and times of day as people write them, and as the browser's fields have them. */
export type WhenKind = "moment" | "day" | "clock";

/** `2026-11-28T17:30:05` as `28/11/2026 17:30:05`. */
export function writeWhen(kind: WhenKind, value: string): string {
  if (kind === "clock") return value;
  const [day = "", time] = value.split("T");
  const [year, month, date] = day.split("-");
  return `${date}/${month}/${year}${time ? ` ${time}` : ""}`;
}

const DAY = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T,]+(.+))?$/;
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;

const two = (value: number) => String(value).padStart(2, "0");

function readTime(text: string): [hour: number, minute: number, second: number] | undefined {
  const [, hour, minute, second] = (TIME.exec(text) ?? []).map(Number);
  if (hour === undefined || minute === undefined || hour > 23 || minute > 59) return undefined;
  return second === undefined || Number.isNaN(second) ? [hour, minute, 0] : second > 59 ? undefined : [hour, minute, second];
}

/** What is meant, or nothing: days before months, and a day alone begins at midnight. */
export function readWhen(kind: WhenKind, text: string): string {
  const written = text.trim();
  if (kind === "clock") {
    const time = readTime(written);
    return time ? `${two(time[0])}:${two(time[1])}` : "";
  }
  const [, date = "", month = "", year = "", rest] = DAY.exec(written) ?? [];
  const day = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)));
  // The 31st of February is none.
  if (date === "" || day.getUTCDate() !== Number(date) || day.getUTCMonth() !== Number(month) - 1) return "";
  const told = `${year}-${two(Number(month))}-${two(Number(date))}`;
  if (kind === "day") return rest === undefined ? told : "";
  const time = rest === undefined ? ([0, 0, 0] as const) : readTime(rest.trim());
  return time ? `${told}T${time.map(two).join(":")}` : "";
}
