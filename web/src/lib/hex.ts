/** Bytes as people read them. */

export function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function shown(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
}

/** Sixteen bytes a line: offset, hex, characters. */
export function hexDump(content: Uint8Array): string {
  const lines: string[] = [];
  for (let start = 0; start < content.length; start += 16) {
    const row = [...content.subarray(start, start + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const halves = `${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}`;
    lines.push(`${start.toString(16).padStart(6, "0")}  ${halves}  ${row.map(shown).join("")}`);
  }
  return lines.join("\n");
}

/** UTF-8 where it is, dots for what cannot be shown; line ends stay. */
export function printable(content: Uint8Array): string {
  const text = new TextDecoder().decode(content);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll("\r\n", "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f\ufffd]/g, ".");
}

export interface Mark {
  from: number;
  to: number;
}

export interface Run {
  start: number;
  end: number;
  marked: boolean;
}

/** A stretch of bytes as runs that are marked or not; marks may overlap. */
export function runs(from: number, to: number, marks: readonly Mark[]): Run[] {
  const found: Run[] = [];
  let start = from;
  const sorted = marks.filter((mark) => mark.from < to && mark.to > from).sort((one, other) => one.from - other.from);
  for (const mark of sorted) {
    const begins = Math.max(mark.from, start);
    const ends = Math.min(mark.to, to);
    if (begins >= ends) continue;
    if (begins > start) found.push({ start, end: begins, marked: false });
    found.push({ start: begins, end: ends, marked: true });
    start = ends;
  }
  if (start < to) found.push({ start, end: to, marked: false });
  return found;
}
