/** A rule's text in pieces to be coloured. */

export interface Piece {
  text: string;
  kind: "keyword" | "string" | "head" | "plain";
}

/** An option a line. */
export function pieces(text: string): Piece[][] {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return [[{ text, kind: "plain" }]];
  const lines: Piece[][] = [[{ text: `${text.slice(0, open).trim()} (`, kind: "head" }]];
  // Backslashes take what follows them along, in quotes and outside.
  const options = text.slice(open + 1, close).match(/(?:"(?:\\.|[^"\\])*"|\\.|[^;"\\])+;?/g) ?? [];
  for (const option of options) {
    const trimmed = option.trim();
    if (!trimmed) continue;
    const colon = trimmed.search(/[:;]/);
    const name = colon < 0 ? trimmed : trimmed.slice(0, colon);
    const line: Piece[] = [{ text: `    ${name}`, kind: "keyword" }];
    for (const part of (colon < 0 ? "" : trimmed.slice(colon)).split(/("(?:\\.|[^"\\])*")/)) {
      if (part) line.push({ text: part, kind: part.startsWith('"') ? "string" : "plain" });
    }
    lines.push(line);
  }
  lines.push([{ text: ")", kind: "head" }]);
  return lines;
}
