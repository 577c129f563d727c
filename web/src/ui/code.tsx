/**
 * CodeMirror in a shadow root: there its styles are sheets of the document's own, so that the page needs no style that
 * its policy would have to allow.
 */
import { useEffect, useRef } from "react";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", color: "var(--ink)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--ink-3)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "15em" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--ink-3)", fontStyle: "normal" },
  ".cm-completionInfo": { fontFamily: "var(--font)", maxWidth: "340px" },
  ".cm-diagnostic": { fontFamily: "var(--font)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)" },
  ".cm-changedLine": { backgroundColor: "var(--good-soft)" },
  ".cm-deletedChunk": { backgroundColor: "var(--s1-soft)" },
  ".cm-changedText": { background: "none", fontWeight: "700", textDecoration: "underline" },
  ".cm-deletedChunk .cm-deletedText": { background: "none", fontWeight: "700" },
  ".cm-collapsedLines": { background: "var(--sunken)", color: "var(--ink-2)" },
});

/** In the console's own colours, which follow its theme. */
export const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
    { tag: tags.controlKeyword, color: "var(--ink)", fontWeight: "700" },
    { tag: tags.string, color: "var(--s2)" },
    { tag: tags.number, color: "var(--ink-2)" },
    { tag: tags.operator, color: "var(--s1)" },
    { tag: tags.variableName, color: "var(--good)" },
    { tag: tags.bracket, color: "var(--ink)", fontWeight: "700" },
    { tag: tags.comment, color: "var(--ink-3)", fontStyle: "italic" },
  ]),
);

/**
 * What is typed over a selection is put in here: left to itself the browser gives it the style of what it replaces,
 * inline, which the page's policy refuses.
 */
const typedOver = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { data, inputType, isComposing } = event;
    if (inputType !== "insertText" || !data || isComposing || view.state.readOnly || view.state.selection.main.empty) return false;
    const { from, to } = view.state.selection.main;
    const insert = () => view.state.update(view.state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
    // Brackets that close themselves have a say.
    if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

interface CodeProps {
  /** The text when the editor is made. */
  text: string;
  /** Others make the editor anew. */
  extensions: Extension;
  className?: string;
  /** Gives the view away, for what is told to it later. */
  onView?: (view: EditorView | undefined) => void;
}

export function Code({ text, extensions, className, onView }: CodeProps) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef({ text, onView });
  useEffect(() => {
    latest.current = { text, onView };
  });
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    const root = current.shadowRoot ?? current.attachShadow({ mode: "open" });
    const view = new EditorView({ state: EditorState.create({ doc: latest.current.text, extensions: [look, typedOver, extensions] }), parent: root, root });
    latest.current.onView?.(view);
    return () => {
      latest.current.onView?.(undefined);
      view.destroy();
    };
  }, [extensions]);
  return <div ref={host} className={className} />;
}
