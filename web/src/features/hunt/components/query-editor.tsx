/** The query as it is written: coloured, with names and values offered, and its faults where they stand. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { autocompletion, completionKeymap, insertCompletionText, pickedCompletion, startCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { linter, type Diagnostic } from "@codemirror/lint";
import { Compartment, EditorState, Facet, Prec, type Extension } from "@codemirror/state";
import { EditorView, keymap, placeholder, type Command } from "@codemirror/view";
import { ApiError } from "@/lib/api";
import { quoted } from "@/lib/query";
import { Code } from "@/ui/code";
import { fieldsQuery, hintsQuery, historyQuery, valuesQuery } from "../api";
import type { HuntSearch } from "../route";
import { offers, wordAt, type Offer } from "./completion";
import { faultPlace } from "./fault-place";
import { queryLanguage } from "./query-language";

export interface Selected {
  from: number;
  to: number;
}

interface QueryEditorProps {
  /** What is written when the editor takes over, and what of it is selected where somebody is writing already. */
  text: string;
  selected: Selected | undefined;
  search: HuntSearch;
  invalid: boolean;
  onView: (view: EditorView | undefined) => void;
  onRun: () => void;
}

/** What the editor knows of the page around it. */
interface Around {
  search: HuntSearch;
  invalid: boolean;
  onRun: () => void;
}

const LINT_DELAY_MS = 700;
const around = Facet.define<Around, Around | undefined>({
  combine: ([latest]) => latest,
  enables: (latest) => EditorView.contentAttributes.compute([latest], (state): Record<string, string> => (state.facet(latest)?.invalid ? { "aria-invalid": "true" } : {})),
});
const aroundNow = new Compartment();

/** A query is one line, however long: what is pasted is joined. */
const oneLine = EditorState.transactionFilter.of((change) => {
  if (change.newDoc.lines === 1) return change;
  const breaks = [...change.newDoc.toString().matchAll(/\n/g)].map(({ index }) => ({ from: index, to: index + 1, insert: " " }));
  return [change, { changes: breaks, sequential: true }];
});

const look = Prec.high(
  EditorView.theme({
    "&, &.cm-focused": { borderRadius: "5px" },
    ".cm-content": { padding: "6px 0", minHeight: "21px" },
    ".cm-line": { padding: "0 10px 0 32px" },
    ".cm-placeholder": { color: "var(--ink-3)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { minWidth: "380px", maxHeight: "20em", padding: "4px" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { display: "flex", justifyContent: "space-between", gap: "18px", padding: "4px 9px", borderRadius: "5px", lineHeight: "1.4" },
    ".cm-completionDetail": { fontFamily: "var(--font)" },
  }),
);

function optionOf(offer: Offer, inCommand: boolean): Completion {
  const text = inCommand ? offer.text : offer.kind === "field" ? `${offer.text}:` : quoted(offer.text);
  const isWhole = (offer.kind === "value" || inCommand) && !text.endsWith("(");
  return {
    label: offer.text,
    detail: offer.note,
    type: offer.kind,
    apply: (view, option, from, to) => {
      const space = isWhole && view.state.sliceDoc(to, to + 1) !== " " ? " " : "";
      view.dispatch({ ...insertCompletionText(view.state, text + space, from, to), annotations: pickedCompletion.of(option) });
    },
  };
}

function completing(queries: QueryClient, language: "vi" | "en") {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = wordAt(context.state.doc.toString(), context.pos);
    if (!context.explicit && word.text === "" && word.field === undefined && word.command === undefined) return null;
    // Where the collector does not answer there is nothing to offer; the query itself will say so.
    const fields = await queries.ensureQueryData(fieldsQuery).catch(() => []);
    const told = word.field === undefined ? undefined : await queries.fetchQuery(valuesQuery(word.field, context.state.facet(around)?.search ?? {})).catch(() => undefined);
    const found = offers(word, fields, told?.facets[0]?.values ?? [], language);
    if (found.length === 0) return null;
    return { from: word.start, to: word.end, filter: false, options: found.map((offer) => optionOf(offer, word.command !== undefined)) };
  };
}

/** What the collector says of the query before it is run. */
function checking(queries: QueryClient, language: "vi" | "en", didYouMean: string) {
  return async (view: EditorView): Promise<Diagnostic[]> => {
    const text = view.state.doc.toString();
    if (text.trim() === "") return [];
    try {
      const { hints } = await queries.fetchQuery({ ...hintsQuery(text), staleTime: Infinity });
      return hints.map(({ position, written, meant }) => {
        const { from } = faultPlace(text, position);
        return { from, to: Math.min(from + written.length, text.length), severity: "warning", message: `${didYouMean} ${meant}` };
      });
    } catch (error) {
      const problem = error instanceof ApiError ? error.problem : undefined;
      if (problem?.field !== "q") return [];
      const message = (language === "vi" ? problem.detail_vi : undefined) ?? problem.detail ?? "";
      return [{ ...faultPlace(text, problem.position ?? 0), severity: "error", message }];
    }
  };
}

function write(view: EditorView, text: string): void {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: text.length } });
}

/** Arrows walk through what was asked before, as on a command line; what was being written comes back at the end. */
function remembering(queries: QueryClient): { older: Command; newer: Command; reset: () => void } {
  let draft = "";
  let at = 0;
  let past: string[] = [];
  const atEdge = (view: EditorView, edge: number) => {
    const [caret, end] = [view.coordsAtPos(view.state.selection.main.head), view.coordsAtPos(edge)];
    return !caret || !end || Math.abs(caret.top - end.top) < 2;
  };
  const show = (view: EditorView, to: number) => {
    if (to < 0 || to > past.length) return;
    if (at === 0) draft = view.state.doc.toString();
    at = to;
    write(view, to === 0 ? draft : (past[to - 1] ?? ""));
  };
  return {
    older: (view) => {
      if (!atEdge(view, 0)) return false;
      if (at > 0) show(view, at + 1);
      else {
        const written = view.state.doc.toString();
        void queries.fetchQuery(historyQuery).then(
          (found) => {
            if (view.state.doc.toString() !== written) return;
            past = [...new Set(found.map(({ q }) => q))].filter((q) => q !== "" && q !== written);
            show(view, 1);
          },
          () => undefined,
        );
      }
      return true;
    },
    newer: (view) => {
      if (!atEdge(view, view.state.doc.length)) return false;
      if (at > 0) show(view, at - 1);
      else startCompletion(view);
      return true;
    },
    reset: () => {
      at = 0;
    },
  };
}

interface Words {
  language: "vi" | "en";
  label: string;
  hint: string;
  didYouMean: string;
  offers: string;
}

function editing(queries: QueryClient, words: Words): Extension {
  const { language, label, hint } = words;
  const { older, newer, reset } = remembering(queries);
  const run: Command = (view) => {
    view.state.facet(around)?.onRun();
    return true;
  };
  const leave: Command = (view) => {
    view.contentDOM.blur();
    return true;
  };
  return [
    look,
    oneLine,
    history(),
    queryLanguage,
    placeholder(hint),
    EditorState.phrases.of({ Completions: words.offers }),
    EditorView.lineWrapping,
    // Enter runs the query, unless the arrows have chosen an offer.
    autocompletion({ override: [completing(queries, language)], selectOnOpen: false, interactionDelay: 0, icons: false, activateOnCompletion: ({ type }) => type === "field" }),
    linter(checking(queries, language, words.didYouMean), { delay: LINT_DELAY_MS }),
    keymap.of([
      ...completionKeymap,
      { key: "Enter", run },
      { key: "Escape", run: leave },
      { key: "ArrowUp", run: older },
      { key: "ArrowDown", run: newer },
      ...historyKeymap,
      ...defaultKeymap,
    ]),
    EditorView.contentAttributes.of({ "aria-label": label, "aria-multiline": "false", spellcheck: "false" }),
    EditorView.updateListener.of((update) => {
      if (update.transactions.some((one) => one.isUserEvent("input") || one.isUserEvent("delete"))) reset();
    }),
    aroundNow.of([]),
  ];
}

export default function QueryEditor({ text, selected, search, invalid, onView, onRun }: QueryEditorProps) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const view = useRef<EditorView>(undefined);
  const extensions = useMemo(() => {
    const words: Words = { language: i18n.language === "en" ? "en" : "vi", label: t("hunt.query"), hint: t("hunt.queryHint"), didYouMean: t("hunt.didYouMean"), offers: t("hunt.offers") };
    return editing(queries, words);
  }, [i18n.language, queries, t]);
  const asked = search.q ?? "";
  const shown = useRef(asked);
  useEffect(() => {
    if (shown.current === asked) return;
    shown.current = asked;
    if (view.current && view.current.state.doc.toString() !== asked) write(view.current, asked);
  }, [asked]);
  useEffect(() => {
    view.current?.dispatch({ effects: aroundNow.reconfigure(around.of({ search, invalid, onRun })) });
  }, [extensions, invalid, onRun, search]);
  return (
    <Code
      className="query__editor"
      text={text}
      extensions={extensions}
      onView={(made) => {
        view.current = made;
        onView(made);
        if (!made || !selected) return;
        made.focus();
        made.dispatch({ selection: { anchor: selected.from, head: selected.to } });
      }}
    />
  );
}
