/** The query. A plain field takes it until the editor is there, which is fetched once the page has what is read. */
import { useIsFetching } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useEffect, useId, useImperativeHandle, useRef, useState, type ComponentType, type ComponentProps, type KeyboardEvent, type Ref } from "react";
import { useTranslation } from "react-i18next";
import type { EditorView } from "@codemirror/view";
import { ApiError, type Problem } from "@/lib/api";
import { Button } from "@/ui/basics";
import type { HuntSearch } from "../route";
import { faultPlace } from "./fault-place";
import type QueryEditor from "./query-editor";
import type { Selected } from "./query-editor";

export interface Focusable {
  focus: () => void;
}

interface QueryBoxProps {
  ref: Ref<Focusable>;
  search: HuntSearch;
  error: unknown;
  onRun: (query: string) => void;
}

interface Editor {
  Shown: ComponentType<ComponentProps<typeof QueryEditor>>;
  /** What of the plain field was selected while somebody wrote there. */
  selected: Selected | undefined;
}

export function QueryBox({ ref, search, error, onRun }: QueryBoxProps) {
  const { t } = useTranslation();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const view = useRef<EditorView>(undefined);
  const [text, setText] = useState(search.q ?? "");
  const [shown, setShown] = useState(search.q);
  if (shown !== search.q) {
    setShown(search.q);
    setText(search.q ?? "");
  }
  const [editor, setEditor] = useState<Editor>();
  const isQuiet = useIsFetching() === 0;
  useEffect(() => {
    if (!isQuiet || editor) return;
    let isWanted = true;
    import("./query-editor").then(
      ({ default: Shown }) => {
        if (!isWanted) return;
        const field = input.current;
        const selected = field && document.activeElement === field ? { from: field.selectionStart ?? 0, to: field.selectionEnd ?? 0 } : undefined;
        setEditor({ Shown, selected });
      },
      // The plain field stays.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [editor, isQuiet]);
  useImperativeHandle(ref, () => ({ focus: () => (view.current ?? input.current)?.focus() }), []);
  const run = () => onRun((view.current?.state.doc.toString() ?? text).trim());
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") input.current?.blur();
    else if (event.key === "Enter") run();
    else return;
    event.preventDefault();
  };
  const problem = error instanceof ApiError && error.problem?.field === "q" ? error.problem : undefined;
  return (
    <div className="query">
      <div className="query__line">
        <div className="query__field">
          <Search aria-hidden />
          {editor ? (
            <editor.Shown
              text={text}
              selected={editor.selected}
              search={search}
              invalid={problem !== undefined}
              onView={(made) => {
                view.current = made;
              }}
              onRun={run}
            />
          ) : (
            <input
              ref={input}
              className="input mono"
              aria-label={t("hunt.query")}
              aria-invalid={problem !== undefined}
              aria-describedby={problem ? `${id}-error` : undefined}
              spellCheck={false}
              autoComplete="off"
              autoCapitalize="none"
              placeholder={t("hunt.queryHint")}
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={onKey}
            />
          )}
        </div>
        <Button look="primary" onClick={run}>
          {t("hunt.run")}
        </Button>
      </div>
      {problem && <QueryFault id={`${id}-error`} query={search.q ?? ""} problem={problem} onMend={onRun} />}
    </div>
  );
}

/** Names the place in the query. */
function QueryFault({ id, query, problem, onMend }: { id: string; query: string; problem: Problem; onMend: (query: string) => void }) {
  const { t, i18n } = useTranslation();
  const { from, to } = faultPlace(query, problem.position ?? 0);
  return (
    <div id={id} className="query__fault" role="alert">
      <p>
        {to > from && <mark>{query.slice(from, to)}</mark>} {i18n.language === "vi" ? (problem.detail_vi ?? problem.detail) : problem.detail}
      </p>
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
