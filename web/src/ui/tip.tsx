/** Hints on hover and on focus. One element shows them all: a list of a thousand buttons costs no more than one. */
import { cloneElement, useEffect, useRef, type ReactElement } from "react";

const DELAY_MS = 350;
const GAP = 5;
const EDGE = 8;
const ID = "tip";

export function Tip({ text, children }: { text: string; children: ReactElement<{ "data-tip"?: string }> }) {
  return cloneElement(children, { "data-tip": text });
}

function hinted(event: Event): HTMLElement | undefined {
  const found = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tip]") : null;
  return found ?? undefined;
}

/** Below its target, above it where there is no room, and within the window. */
function place(tip: HTMLElement, target: HTMLElement): void {
  const { left, top, bottom, width } = target.getBoundingClientRect();
  const below = bottom + GAP + tip.offsetHeight + EDGE < innerHeight;
  const middle = left + (width - tip.offsetWidth) / 2;
  tip.style.left = `${Math.max(EDGE, Math.min(middle, innerWidth - tip.offsetWidth - EDGE))}px`;
  tip.style.top = `${below ? bottom + GAP : top - GAP - tip.offsetHeight}px`;
}

/** Follows pointer and focus over the document, and shows what stands under them. */
function follow(tip: HTMLElement): () => void {
  let target: HTMLElement | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hide = () => {
    clearTimeout(timer);
    if (target?.getAttribute("aria-describedby") === ID) target.removeAttribute("aria-describedby");
    target = undefined;
    if (tip.matches(":popover-open")) tip.hidePopover();
  };
  const show = (on: HTMLElement) => {
    hide();
    if (!on.isConnected) return;
    target = on;
    tip.textContent = on.dataset.tip ?? "";
    if (!on.hasAttribute("aria-describedby") && tip.textContent !== on.getAttribute("aria-label")) on.setAttribute("aria-describedby", ID);
    tip.showPopover();
    place(tip, on);
  };
  const over = (event: PointerEvent) => {
    if (event.pointerType === "touch") return;
    // What is shown may be read with the pointer on it.
    if (event.target instanceof Node && tip.contains(event.target)) return;
    const on = hinted(event);
    if (on === target && target) return;
    hide();
    if (on) timer = setTimeout(() => show(on), DELAY_MS);
  };
  const focused = (event: FocusEvent) => {
    const on = hinted(event);
    if (on?.matches(":focus-visible")) show(on);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "Escape") hide();
  };
  const listening = new AbortController();
  const options = { capture: true, passive: true, signal: listening.signal };
  document.addEventListener("pointerover", over, options);
  document.addEventListener("focusin", focused, options);
  document.addEventListener("keydown", pressed, options);
  for (const name of ["pointerdown", "focusout", "scroll"]) document.addEventListener(name, hide, options);
  return () => {
    listening.abort();
    hide();
  };
}

/** Stands once, beside everything else. */
export function TipLayer() {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tip = element.current;
    // A browser without pop-overs shows no hints; every button has its name all the same.
    return tip && typeof tip.showPopover === "function" ? follow(tip) : undefined;
  }, []);
  return <div ref={element} id={ID} className="tip" role="tooltip" popover="manual" />;
}
