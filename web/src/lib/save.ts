/** Files that the page makes and the browser saves. */

/** A cell that a spreadsheet takes for text: a formula in captured data must not run at the analyst's. */
function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const harmless = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function csv(header: readonly string[], rows: readonly (readonly unknown[])[]): string {
  // The mark makes spreadsheets read Vietnamese as UTF-8.
  return "\uFEFF" + [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function save(name: string, kind: string, content: string): void {
  saveBlob(name, new Blob([content], { type: `${kind};charset=utf-8` }));
}

export function saveBlob(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** `alerts-20261125-1730`, by the clock of this machine. */
export function stamped(name: string, now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${name}-${day}-${two(now.getHours())}${two(now.getMinutes())}`;
}
