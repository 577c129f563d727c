import { lazy, Suspense, useState } from "react";
import { closed } from "@/ui/closed";
import type { PopoverProps } from "./popover-parts";

const parts = () => import("./popover-parts");
const Openable = lazy(() => parts().then((all) => ({ default: all.Openable })));

export function Popover(props: PopoverProps) {
  const [used, setUsed] = useState(false);
  const button = closed(
    props.trigger,
    "dialog",
    () => void parts().catch(() => undefined),
    () => {
      setUsed(true);
      props.onOpenChange(true);
    },
  );
  if (!used) return button;
  return (
    <Suspense fallback={button}>
      <Openable {...props} />
    </Suspense>
  );
}
