/** A rule: its text, an option a line, and what it does in words. */
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { pieces } from "@/lib/rule-text";

export function RuleText({ text }: { text: string }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <pre className="code code--wrap" tabIndex={0}>
      {pieces(text).map((line, index) => (
        <span key={index}>
          {line.map((piece, at) => (
            <span key={at} className={`rule-text--${piece.kind}`}>
              {piece.text}
            </span>
          ))}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

/** The engine's own words for each condition; those below another stand in. */
export function RuleWords({ told }: { told: Schemas["Explained"] }) {
  const { t } = useTranslation();
  return (
    <>
      <ul className="rule-words">
        {told.words.map((line, index) => (
          <li key={index} className={line.startsWith("  ") ? "rule-words__part" : undefined}>
            {line.trim()}
          </li>
        ))}
      </ul>
      <p className="muted">{told.fast_pattern ? t("ruleWords.fastPattern", { pattern: told.fast_pattern.pattern, buffer: told.fast_pattern.buffer }) : t("ruleWords.noFastPattern")}</p>
      {told.waits_for && <p className="note">{t("ruleWords.waitsFor", { what: told.waits_for })}</p>}
    </>
  );
}
