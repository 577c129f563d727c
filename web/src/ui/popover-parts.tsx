/** The library behind pop-overs, fetched when the first of them is about to open. */
import { Popover as Radix } from "radix-ui";
import type { ReactNode } from "react";
import type { Trigger } from "@/ui/closed";

export interface PopoverProps {
  trigger: Trigger;
  children: ReactNode;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  label: string;
}

export function Openable({ trigger, children, open, onOpenChange, label }: PopoverProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="popover" align="end" sideOffset={5} collisionPadding={8} aria-label={label}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
