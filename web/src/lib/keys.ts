/** Keys as in Gmail: single ones and pairs (`* a`, `g s`). Nothing happens while somebody types into a field. */
import { useEffect, useRef } from "react";

export type Keymap = Record<string, () => void>;

const PAIR_MS = 1_200;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

/** A control that takes Enter, Space or arrows itself keeps them. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, input, [role=menu], [role=tablist], [role=separator]") !== null;
}

export function useKeys(keymap: Keymap, enabled = true): void {
  const latest = useRef(keymap);
  useEffect(() => {
    latest.current = keymap;
  });
  useEffect(() => {
    if (!enabled) return;
    let first = "";
    let firstAt = 0;
    const onKey = (event: KeyboardEvent) => {
      // An editor in a shadow root is told to the document as the root's host.
      const [target = event.target] = event.composedPath();
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
      if (document.querySelector("dialog[open], [role=menu]")) return;
      const key = event.key.length === 1 && event.shiftKey && /[a-z]/i.test(event.key) ? `Shift+${event.key.toLowerCase()}` : event.key;
      if (isControl(target) && ["Enter", " ", "ArrowDown", "ArrowUp"].includes(key)) return;
      const pair = first && Date.now() - firstAt < PAIR_MS ? `${first} ${key}` : "";
      first = "";
      const action = (pair && latest.current[pair]) || latest.current[key];
      if (action) {
        event.preventDefault();
        action();
      } else if (Object.keys(latest.current).some((name) => name.startsWith(`${key} `))) {
        first = key;
        firstAt = Date.now();
        event.preventDefault();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [enabled]);
}
