/** What charts have in common of the library, which is loaded with the first chart. */
import { init, type ECharts } from "echarts/core";
import { useEffect, useEffectEvent, useRef, type RefObject } from "react";

interface Held {
  element: RefObject<HTMLDivElement | null>;
  chart: RefObject<ECharts | undefined>;
}

/** An empty chart, as large as its element, while that is shown; `onTold` hears of one kind of event. */
export function useChart(kind: "brushEnd" | "click", onTold: (chart: ECharts, event: unknown) => void): Held {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const heard = useEffectEvent(onTold);
  useEffect(() => {
    const { current: place } = element;
    if (!place) return;
    const made = init(place, undefined, { renderer: "canvas" });
    chart.current = made;
    // All of a frame is drawn: whoever waits for a chart waits for that.
    made.on("finished", () => {
      place.dataset.drawn = "";
    });
    made.on(kind, (...told: unknown[]) => heard(made, told[0]));
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(place);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, [kind]);
  return { element, chart };
}
