/** Whether somebody is at the screen. A console left alone stops asking, so that its session can end. */
import { useEffect, useRef } from "react";

const AWAY_MS = 5 * 60_000;
let last = Date.now();

for (const name of ["pointerdown", "pointermove", "keydown", "wheel"]) {
  addEventListener(name, () => (last = Date.now()), { passive: true, capture: true });
}

export function present(): boolean {
  return document.visibilityState === "visible" && Date.now() - last < AWAY_MS;
}

/** Does something again and again while somebody is there to see it. */
export function usePolling(again: () => void, milliseconds: number): void {
  const latest = useRef(again);
  useEffect(() => {
    latest.current = again;
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (present()) latest.current();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
