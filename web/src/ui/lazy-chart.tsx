/** Charts. Their library is large: it is fetched once the page has what is read and worked with. */
import { useIsFetching } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState, type ComponentProps, type ReactNode } from "react";
import { Loading } from "@/ui/basics";
import type { ChartProps as AnyChartProps } from "./chart";

const BarChart = lazy(() => import("./bar-chart"));
const AnyChart = lazy(() => import("./chart"));

/** Whatever is still to come, charts wait no longer. */
const LONGEST_MS = 1_500;
/** The library is there, or on its way. */
let begun = false;

function useTurn(): boolean {
  const fetching = useIsFetching();
  const [ours, setOurs] = useState(begun);
  useEffect(() => {
    if (ours) return;
    const take = () => {
      begun = true;
      setOurs(true);
    };
    const timer = setTimeout(take, fetching === 0 ? 0 : LONGEST_MS);
    return () => clearTimeout(timer);
  }, [fetching, ours]);
  return ours;
}

export type ChartProps = ComponentProps<typeof BarChart>;

function Later({ height, children }: { height: number | string; children: ReactNode }) {
  const ours = useTurn();
  const stand = (
    <div style={{ height }}>
      <Loading rows={3} />
    </div>
  );
  return ours ? <Suspense fallback={stand}>{children}</Suspense> : stand;
}

export function LazyBarChart(props: ChartProps) {
  return (
    <Later height={props.height}>
      <BarChart {...props} />
    </Later>
  );
}

export function LazyChart(props: AnyChartProps) {
  return (
    <Later height={props.height}>
      <AnyChart {...props} />
    </Later>
  );
}
