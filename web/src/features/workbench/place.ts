/** From the places that the rule engine tells to places in the text: it counts bytes, and joins continued lines. */

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** The place behind so many bytes of a text, in UTF-16 units; its end when there are fewer. */
function behindBytes(text: string, bytes: number): number {
  let seen = 0;
  let at = 0;
  for (const letter of text) {
    if (seen >= bytes) return at;
    seen += byteLength(letter);
    at += letter.length;
  }
  return at;
}

const goesOn = (line: string) => line.endsWith("\\");

/** Where a byte of the rule that begins in a line (from 1) stands in the whole text. */
export function placeOf(lines: readonly string[], line: number, column: number): number {
  let rest = Math.max(column - 1, 0);
  let start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  for (let index = line - 1; index < lines.length; index += 1) {
    const text = lines[index] ?? "";
    const own = goesOn(text) ? text.slice(0, -1) : text;
    const bytes = byteLength(own);
    if (rest < bytes || !goesOn(text)) return start + behindBytes(own, rest);
    rest -= bytes;
    start += text.length + 1;
  }
  return start;
}

/** The rule that the caret stands in, its continued lines joined, and the caret's byte in it. */
export function ruleAt(text: string, caret: number): { rule: string; offset: number; from: number; to: number } {
  const lines = text.split("\n");
  let start = 0;
  let index = 0;
  while (index < lines.length - 1 && start + (lines[index]?.length ?? 0) < caret) {
    start += (lines[index]?.length ?? 0) + 1;
    index += 1;
  }
  let first = index;
  let from = start;
  while (first > 0 && goesOn(lines[first - 1] ?? "")) {
    first -= 1;
    from -= (lines[first]?.length ?? 0) + 1;
  }
  let last = index;
  while (last < lines.length - 1 && goesOn(lines[last] ?? "")) last += 1;
  const own = lines.slice(first, last + 1).map((line, at) => (first + at < last && goesOn(line) ? line.slice(0, -1) : line));
  const before = own.slice(0, index - first).join("") + (own[index - first] ?? "").slice(0, caret - start);
  const whole = lines.slice(first, last + 1).join("\n");
  return { rule: own.join(""), offset: byteLength(before), from, to: from + whole.length };
}

/** Where the rule with an id begins; nothing where the text has none. One that is written out counts as well. */
export function placeOfRule(text: string, sid: number): number | undefined {
  const found = new RegExp(`[(;\\s]sid:\\s*${sid}\\s*;`).exec(text);
  return found ? ruleAt(text, found.index).from : undefined;
}
