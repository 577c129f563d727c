/** The query, with names of fields and their values offered while it is written. */
import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useId, useRef, useState, type KeyboardEvent, type Ref } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, type Problem } from "@/lib/api";
import { quoted } from "@/lib/query";
import { Button } from "@/ui/basics";
import { fieldsQuery, valuesQuery } from "../api";
import type { HuntSearch } from "../route";
import { offers, wordAt, type Offer } from "./completion";

interface QueryBoxProps {
  ref: Ref<HTMLInputElement>;
  search: HuntSearch;
  error: unknown;
  onRun: (query: string) => void;
}

export function QueryBox({ ref, search, error, onRun }: QueryBoxProps) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(search.q ?? "");
  const [shown, setShown] = useState(search.q);
  if (shown !== search.q) {
    setShown(search.q);
    setText(search.q ?? "");
  }
  const [caret, setCaret] = useState(0);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const fields = useQuery(fieldsQuery);
  const word = wordAt(text, caret);
  const values = useQuery({ ...valuesQuery(word.field ?? "", search), enabled: open && word.field !== undefined && word.field !== "" });
  const found: Offer[] = open ? offers(word, fields.data ?? [], values.data?.facets[0]?.values ?? [], i18n.language === "en" ? "en" : "vi") : [];
  const isOpen = found.length > 0;

  const take = (offer: Offer) => {
    const inCommand = word.command !== undefined;
    const value = inCommand ? offer.text : offer.kind === "field" ? `${offer.text}:` : quoted(offer.text);
    const space = (offer.kind === "value" || inCommand) && !value.endsWith("(") ? " " : "";
    const after = text.slice(0, word.start) + value + space + text.slice(word.end).trimStart();
    const at = word.start + value.length + space.length;
    setText(after);
    setCaret(at);
    setActive(-1);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(at, at);
    });
  };
  const run = () => {
    setOpen(false);
    onRun(text.trim());
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" && !open) setOpen(true);
    else if (event.key === "ArrowDown" && isOpen) setActive((active + 1) % found.length);
    else if (event.key === "ArrowUp" && isOpen) setActive((active <= 0 ? found.length : active) - 1);
    else if (event.key === "Escape" && isOpen) setOpen(false);
    else if (event.key === "Escape") input.current?.blur();
    else if ((event.key === "Enter" || event.key === "Tab") && isOpen && active >= 0) {
      const offer = found[active];
      if (offer) take(offer);
    } else if (event.key === "Enter") run();
    else return;
    event.preventDefault();
  };
  const problem = error instanceof ApiError && error.problem?.field === "q" ? error.problem : undefined;
  return (
    <div className="query">
      <div className="query__line">
        <div className="query__field">
          <Search aria-hidden />
          <input
            ref={(element) => {
              input.current = element;
              if (typeof ref === "function") ref(element);
              else if (ref) ref.current = element;
            }}
            className="input mono"
            role="combobox"
            aria-label={t("hunt.query")}
            aria-expanded={isOpen}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={active >= 0 && isOpen ? `${id}-${active}` : undefined}
            aria-invalid={problem !== undefined}
            aria-describedby={problem ? `${id}-error` : undefined}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="none"
            placeholder={t("hunt.queryHint")}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setCaret(event.target.selectionStart ?? event.target.value.length);
              setOpen(true);
              setActive(-1);
            }}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
            onKeyDown={onKey}
            onBlur={() => setOpen(false)}
          />
          <div id={`${id}-list`} role="listbox" aria-label={t("hunt.offers")} className="query__offers" hidden={!isOpen}>
            {found.map((offer, index) => (
              // The keys work from the input, which keeps the focus.
              // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
              <div
                key={offer.text}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === active}
                className={index === active ? "is-active" : ""}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => take(offer)}
              >
                <span className="mono cut">{offer.text}</span>
                <span className="muted">{offer.note}</span>
              </div>
            ))}
          </div>
        </div>
        <Button look="primary" onClick={run}>
          {t("hunt.run")}
        </Button>
      </div>
      {problem && <QueryFault id={`${id}-error`} query={search.q ?? ""} problem={problem} onMend={onRun} />}
    </div>
  );
}

/** Points at the place in the query. */
function QueryFault({ id, query, problem, onMend }: { id: string; query: string; problem: Problem; onMend: (query: string) => void }) {
  const { t, i18n } = useTranslation();
  const characters = [...query];
  const place = Math.min(problem.position ?? 0, characters.length);
  const rest = characters.slice(place).join("");
  const length = Math.max(1, [...(/^\S*/.exec(rest)?.[0] ?? "")].length);
  return (
    <div id={id} className="query__fault" role="alert">
      <pre>
        {characters.slice(0, place).join("")}
        <mark>{characters.slice(place, place + length).join("") || " "}</mark>
        {characters.slice(place + length).join("")}
      </pre>
      <p>{i18n.language === "vi" ? (problem.detail_vi ?? problem.detail) : problem.detail}</p>
      {problem.suggestion && <Suggestion query={problem.suggestion} text={t("hunt.didYouMean")} onTake={onMend} />}
    </div>
  );
}

/** A query that was probably meant. */
export function Suggestion({ query, text, onTake }: { query: string; text: string; onTake: (query: string) => void }) {
  return (
    <p className="query__meant">
      {text}{" "}
      <button type="button" className="mono" onClick={() => onTake(query)}>
        {query}
      </button>
    </p>
  );
}
