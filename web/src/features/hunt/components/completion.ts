/** What can stand at the caret of a query. */
import type { Schemas } from "@/lib/api";

export interface Word {
  start: number;
  end: number;
  text: string;
  /** The field whose value is being written. */
  field: string | undefined;
  /** Behind a bar: the command whose words are being written; empty where its name is. */
  command?: string;
}

export interface Offer {
  kind: "field" | "value" | "word";
  text: string;
  note: string;
}

const MOST = 10;
const COMMANDS = ["groupby", "rare", "sortby", "head", "table"] as const;
const VIEWS = ["-bar", "-pie", "-sankey"] as const;
const MEASURES = ["sum(", "avg(", "min(", "max(", "dc("] as const;
const ORDER = ["count", "first", "last", "asc", "desc"] as const;

/** The command that the caret is in, or `undefined` when it is in the query. */
function commandAt(before: string): string | undefined {
  let bar = -1;
  let inQuotes = false;
  for (let index = 0; index < before.length; index += 1) {
    if (before[index] === "\\") index += 1;
    else if (before[index] === '"') inQuotes = !inQuotes;
    else if (before[index] === "|" && !inQuotes) bar = index;
  }
  if (bar < 0) return undefined;
  return /^\s*(\w+)\s/.exec(before.slice(bar + 1))?.[1] ?? "";
}

/** The word that the caret stands in or behind; for `field:val`, the part behind the colon. */
export function wordAt(query: string, caret: number): Word {
  const before = query.slice(0, caret);
  const command = commandAt(before);
  if (command !== undefined) {
    const text = /[^\s(),|]*$/.exec(before)?.[0] ?? "";
    const rest = /^[^\s(),|]*/.exec(query.slice(caret))?.[0] ?? "";
    return { start: caret - text.length, end: caret + rest.length, text, field: undefined, command };
  }
  const started = /[^\s()]*$/.exec(before)?.[0] ?? "";
  const ended = /^[^\s()]*/.exec(query.slice(caret))?.[0] ?? "";
  const sign = /^[-!]/.exec(started)?.[0].length ?? 0;
  const start = caret - started.length + sign;
  const end = caret + ended.length;
  const word = started.slice(sign);
  const colon = word.indexOf(":");
  if (colon <= 0) return { start, end, text: word, field: undefined };
  return { start: start + colon + 1, end, text: word.slice(colon + 1).replaceAll('"', ""), field: word.slice(0, colon) };
}

function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("đ", "d").toLowerCase();
}

export function offers(word: Word, fields: readonly Schemas["FieldBody"][], values: readonly Schemas["FacetValue"][], language: "vi" | "en"): Offer[] {
  const sought = folded(word.text);
  if (word.command !== undefined) {
    const words: readonly string[] =
      word.command === "" ? COMMANDS : word.command === "groupby" ? [...VIEWS, ...MEASURES] : word.command === "sortby" ? ORDER : [];
    const found = words.filter((one) => one.startsWith(sought) && one !== word.text).map((text): Offer => ({ kind: "word", text, note: "" }));
    if (word.command === "" || word.command === "head" || sought === "") return found.slice(0, MOST);
    return [...found, ...offers({ ...word, command: undefined }, fields, values, language)].slice(0, MOST);
  }
  if (word.field !== undefined) {
    return [...values]
      .filter(({ value }) => folded(value).includes(sought) && value !== word.text)
      .sort((a, b) => Number(folded(b.value).startsWith(sought)) - Number(folded(a.value).startsWith(sought)))
      .slice(0, MOST)
      .map(({ value, count }) => ({ kind: "value", text: value, note: String(count) }));
  }
  const label = (field: Schemas["FieldBody"]) => (language === "vi" ? field.label_vi : field.label_en);
  const rank = (field: Schemas["FieldBody"]) => (field.name.startsWith(sought) ? 0 : field.name.includes(sought) ? 1 : 2);
  return fields
    .filter((field) => field.name.includes(sought) || folded(label(field)).includes(sought))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST)
    .map((field) => ({ kind: "field", text: field.name, note: label(field) }));
}
