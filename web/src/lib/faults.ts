/**
 * Faults of rules in Vietnamese. The engine tells them in English; what is told often has its sentence here, word for
 * word as the engine's source has it with `{}` for what differs. What has none is shown as the engine told it.
 */
import sentences from "./faults.vi.json";

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

interface Sentence {
  english: RegExp;
  vietnamese: string;
}

/** Those with more words of their own come first: `{} is no number up to 65535` before `{} is no number`. */
const SENTENCES: readonly Sentence[] = Object.entries(sentences)
  .sort(([one], [other]) => other.replaceAll("{}", "").length - one.replaceAll("{}", "").length)
  .map(([english, vietnamese]) => ({ english: new RegExp(`^${english.split("{}").map(escaped).join("(.+?)")}$`, "s"), vietnamese }));

/** `X: write a, b or c`, which many keywords say. */
const CHOICE = /^(?:(".*"|\S+): )?write (.+)$/s;

/** What is longer quotes a whole rule; it is not worth the search. */
const LONGEST = 2_000;

export function inVietnamese(reason: string): string {
  if (reason.length > LONGEST) return reason;
  for (const { english, vietnamese } of SENTENCES) {
    const found = english.exec(reason);
    if (found) {
      let next = 0;
      return vietnamese.replaceAll("{}", () => found[(next += 1)] ?? "");
    }
  }
  const choice = CHOICE.exec(reason);
  if (choice) {
    const written = (choice[2] ?? "").replaceAll(" or ", " hoặc ");
    return choice[1] ? `${choice[1]}: hãy viết ${written}` : `hãy viết ${written}`;
  }
  return reason;
}

/** A fault in the reader's language, behind the keyword that it speaks of. */
export function faultText(reason: string, keyword: string | null | undefined, language: string): string {
  const text = language === "en" ? reason : inVietnamese(reason);
  return keyword ? `${keyword}: ${text}` : text;
}
