/** What can stand at the caret of a query. */
import type { Schemas } from "@/lib/api";

export interface Word {
  start: number;
  end: number;
  text: string;
  /** The field whose value is being written. */
  field: string | undefined;
}

export interface Offer {
  kind: "field" | "value";
  text: string;
  note: string;
}

const MOST = 10;

/** The word that the caret stands in or behind; for `field:val`, the part behind the colon. */
export function wordAt(query: string, caret: number): Word {
  const before = query.slice(0, caret);
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
  if (word.field !== undefined) {
    return [...values]
      .filter(({ value }) => folded(value).includes(sought) && value !== word.text)
      .sort((a, b) => Number(folded(b.value).startsWith(sought)) - Number(folded(a.value).startsWith(sought)))
      .slice(0, MOST)
      .map(({ value, count }) => ({ kind: "value", text: value, note: String(count) }));
  }
  if (sought.length === 0) return [];
  const label = (field: Schemas["FieldBody"]) => (language === "vi" ? field.label_vi : field.label_en);
  const rank = (field: Schemas["FieldBody"]) => (field.name.startsWith(sought) ? 0 : field.name.includes(sought) ? 1 : 2);
  return fields
    .filter((field) => field.name.includes(sought) || folded(label(field)).includes(sought))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST)
    .map((field) => ({ kind: "field", text: field.name, note: label(field) }));
}
