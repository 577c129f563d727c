/** What the collector tells of by itself. The stream is open while somebody is there to see it. */
import { useEffect, useRef, useState } from "react";
import { isObject, numberAt } from "@/lib/json";
import { present } from "@/lib/presence";

export interface LiveNews {
  alerts: number;
  inNew: number;
  /** Alerts that this page was too slow for. */
  dropped: number;
}

const LOOK_MS = 5_000;

/** Calls back with what came within a second; tells whether the stream is open. */
export function useLive(onNews: (news: LiveNews) => void): boolean {
  const latest = useRef(onNews);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    latest.current = onNews;
  });
  useEffect(() => {
    // A browser without it (and the tests') asks now and then instead.
    if (typeof EventSource === "undefined") return;
    let source: EventSource | undefined;
    const close = () => {
      source?.close();
      source = undefined;
      setOpen(false);
    };
    const look = () => {
      if (!present()) return close();
      if (source && source.readyState !== EventSource.CLOSED) return;
      source = new EventSource("/api/v1/groups/live");
      source.onopen = () => setOpen(true);
      source.onerror = () => setOpen(false);
      source.addEventListener("alerts", (event) => {
        const told: unknown = JSON.parse(String(event.data));
        if (!isObject(told)) return;
        latest.current({ alerts: numberAt(told, "alerts") ?? 0, inNew: numberAt(told, "in_new") ?? 0, dropped: numberAt(told, "dropped") ?? 0 });
      });
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      clearInterval(timer);
      close();
    };
  }, []);
  return open;
}
