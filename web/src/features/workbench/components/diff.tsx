/** Two texts of rules held against each other. */
import { useMemo } from "react";
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { Code } from "@/ui/code";
import { ruleLanguage } from "./language";

export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  const extensions = useMemo(
    () => [
      lineNumbers(),
      ruleLanguage,
      EditorView.lineWrapping,
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({ "aria-label": label }),
      unifiedMergeView({ original: before, mergeControls: false, gutter: true, collapseUnchanged: { margin: 3, minSize: 6 } }),
    ],
    // Another text is another view.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [before, after, label],
  );
  return <Code className="bench__code" text={after} extensions={extensions} />;
}
