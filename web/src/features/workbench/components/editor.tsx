/** The editor of a draft: the sensor's engine underlines faults and offers what may be written. */
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { faultText } from "@/lib/faults";
import type { Checked, Remark } from "../api";
import { complete } from "../api";
import { placeOf, ruleAt } from "../place";
import { Code } from "@/ui/code";
import { ruleLanguage } from "./language";

interface EditorProps extends Told {
  text: string;
  readOnly: boolean;
  checked: Checked | undefined;
  onView: (view: EditorView | undefined) => void;
}

const KINDS: Record<string, string> = { buffer: "class", keyword: "keyword", field: "property", variable: "variable", protocol: "type", class: "enum", action: "function" };

function diagnostics(text: string, checked: Checked, language: string): Diagnostic[] {
  const lines = text.split("\n");
  const told = (severity: Diagnostic["severity"]) => (one: Remark): Diagnostic => {
    const from = Math.min(placeOf(lines, one.line, one.column), text.length);
    const to = Math.min(Math.max(placeOf(lines, one.line, one.end_column), from), text.length);
    return { from, to, severity, message: faultText(one.reason, one.keyword, language), source: one.code ?? undefined };
  };
  return [...checked.failures.map(told("error")), ...checked.warnings.map(told("warning"))];
}

interface Told {
  onText: (text: string) => void;
  onCaret: (caret: number) => void;
}

/** What the editor is made of; it tells of what is written and where the caret is. */
function editing(language: "vi" | "en", label: string, readOnly: boolean, { onText, onCaret }: Told): Extension {
  const offers = async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = context.matchBefore(/[\w.$-]*/);
    if (!context.explicit && (!word || word.from === word.to)) return null;
    const asking = new AbortController();
    context.addEventListener("abort", () => asking.abort());
    const { rule, offset } = ruleAt(context.state.doc.toString(), context.pos);
    const found = await complete(rule, offset, language, asking.signal).catch(() => []);
    if (found.length === 0) return null;
    return { from: word?.from ?? context.pos, validFor: /^[\w.$-]*$/, options: found.map((one) => ({ label: one.label, type: KINDS[one.kind], info: one.doc || undefined })) };
  };
  return [
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    drawSelection(),
    history(),
    closeBrackets(),
    highlightSelectionMatches(),
    lintGutter(),
    ruleLanguage,
    autocompletion({ override: [offers] }),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.lineWrapping,
    EditorState.readOnly.of(readOnly),
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onText(update.state.doc.toString());
      if (update.docChanged || update.selectionSet) onCaret(update.state.selection.main.head);
    }),
  ];
}

/** `onText` and `onCaret` stay the same: others make the editor anew. */
export function RuleEditor({ text, readOnly, checked, onText, onCaret, onView }: EditorProps) {
  const { t, i18n } = useTranslation();
  const view = useRef<EditorView>(undefined);
  const language = i18n.language === "en" ? "en" : "vi";
  const label = t("bench.editor");
  const extensions = useMemo(() => editing(language, label, readOnly, { onText, onCaret }), [language, label, readOnly, onText, onCaret]);
  useEffect(() => {
    const shown = view.current;
    if (shown && checked) shown.dispatch(setDiagnostics(shown.state, diagnostics(shown.state.doc.toString(), checked, language)));
  }, [checked, language]);
  return (
    <Code
      className="bench__code"
      text={text}
      extensions={extensions}
      onView={(made) => {
        view.current = made;
        onView(made);
      }}
    />
  );
}
