import { lazy, Suspense, type ComponentProps } from "react";
import { Loading } from "@/ui/basics";
import type { ChartProps as AnyChartProps } from "./chart";

const BarChart = lazy(() => import("./bar-chart"));
const AnyChart = lazy(() => import("./chart"));

export type ChartProps = ComponentProps<typeof BarChart>;

export function LazyBarChart(props: ChartProps) {
  return (
    <Suspense fallback={<div style={{ height: props.height }}><Loading rows={3} /></div>}>
      <BarChart {...props} />
    </Suspense>
  );
}

export function LazyChart(props: AnyChartProps) {
  return (
    <Suspense fallback={<div style={{ height: props.height }}><Loading rows={3} /></div>}>
      <AnyChart {...props} />
    </Suspense>
  );
}
