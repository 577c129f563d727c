import { lazy, Suspense, type ComponentProps } from "react";
import { Loading } from "@/ui/basics";

const BarChart = lazy(() => import("./bar-chart"));

export type ChartProps = ComponentProps<typeof BarChart>;

export function LazyBarChart(props: ChartProps) {
  return (
    <Suspense fallback={<div style={{ height: props.height }}><Loading rows={3} /></div>}>
      <BarChart {...props} />
    </Suspense>
  );
}
