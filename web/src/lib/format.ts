/** Numbers as people read them: point and comma as the language has them. */

const locales: Record<string, string> = { vi: "vi-VN", en: "en-US" };

export function number(value: number, language: string): string {
  return new Intl.NumberFormat(locales[language] ?? language).format(value);
}

/** `12.345` up to five digits, then `1,2 Tr` or `1.2M`. */
export function compact(value: number, language: string): string {
  if (Math.abs(value) < 100_000) return number(value, language);
  return new Intl.NumberFormat(locales[language] ?? language, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function bytes(value: number, language: string): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(locales[language] ?? language, { maximumFractionDigits: digits }).format(size)} ${units[unit]}`;
}

export function percent(value: number, language: string): string {
  const digits = value > 0 && value < 0.1 ? 2 : 0;
  return new Intl.NumberFormat(locales[language] ?? language, { style: "percent", maximumFractionDigits: digits }).format(value);
}
