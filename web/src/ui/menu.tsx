/** Menus. Until one is opened it is no more than its button: a list has hundreds, of which few are ever opened. */
import { lazy, Suspense, useState, type ReactNode } from "react";
import { closed, type Trigger } from "@/ui/closed";

const parts = () => import("./menu-parts");
const Openable = lazy(() => parts().then((all) => ({ default: all.Openable })));
export const MenuItem = lazy(() => parts().then((all) => ({ default: all.Item })));
export const MenuCheck = lazy(() => parts().then((all) => ({ default: all.CheckItem })));
export const MenuLabel = lazy(() => parts().then((all) => ({ default: all.Label })));
export const MenuLine = lazy(() => parts().then((all) => ({ default: all.Line })));

interface MenuProps {
  trigger: Trigger;
  label?: string;
  children: ReactNode;
  align?: "start" | "end";
  /** For a menu that a key opens as well. */
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

export function Menu({ trigger, label, children, align = "start", open, onOpenChange }: MenuProps) {
  const [own, setOwn] = useState(false);
  // Once it was open it stays what it is: its button has the focus to go back to.
  const [used, setUsed] = useState(false);
  const change = (to: boolean) => {
    setUsed(true);
    setOwn(to);
    onOpenChange?.(to);
  };
  const button = closed(
    trigger,
    "menu",
    () => void parts().catch(() => undefined),
    () => change(true),
  );
  if (!used && !open) return button;
  return (
    <Suspense fallback={button}>
      <Openable trigger={trigger} label={label} align={align} open={open ?? own} onOpenChange={change}>
        {children}
      </Openable>
    </Suspense>
  );
}
