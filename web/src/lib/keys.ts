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

interface Layer {
  keymap: Keymap;
}

/** The keymaps of all that is shown, the newest last. They share the one keyboard, and so the first half of a pair. */
const layers: Layer[] = [];
let first = "";
let firstAt = 0;

function find(name: string): (() => void) | undefined {
  return layers.findLast(({ keymap }) => name in keymap)?.keymap[name];
}

function onKey(event: KeyboardEvent): void {
  // An editor in a shadow root is told to the document as the root's host.
  const [target = event.target] = event.composedPath();
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
  if (document.querySelector("dialog[open], [role=menu]")) return;
  const key = event.key.length === 1 && event.shiftKey && /[a-z]/i.test(event.key) ? `Shift+${event.key.toLowerCase()}` : event.key;
  if (isControl(target) && ["Enter", " ", "ArrowDown", "ArrowUp"].includes(key)) return;
  const pair = first && Date.now() - firstAt < PAIR_MS ? `${first} ${key}` : "";
  first = "";
  // A pair of any keymap goes before a single key of another: `g s` never escalates.
  const action = (pair ? find(pair) : undefined) ?? find(key);
  if (action) {
    event.preventDefault();
    action();
  } else if (layers.some(({ keymap }) => Object.keys(keymap).some((name) => name.startsWith(`${key} `)))) {
    first = key;
    firstAt = Date.now();
    event.preventDefault();
  }
}

export function useKeys(keymap: Keymap, enabled = true): void {
  const layer = useRef<Layer>({ keymap });
  useEffect(() => {
    layer.current.keymap = keymap;
  });
  useEffect(() => {
    if (!enabled) return;
    const own = layer.current;
    if (layers.length === 0) document.addEventListener("keydown", onKey);
    layers.push(own);
    return () => {
      layers.splice(layers.indexOf(own), 1);
      if (layers.length === 0) document.removeEventListener("keydown", onKey);
    };
  }, [enabled]);
}
