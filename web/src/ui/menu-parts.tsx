/** The library behind menus, fetched when the first of them is about to open. Not modal, so that nothing has to lock the page with styles of its own. */
import type { LucideIcon } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import type { Trigger } from "@/ui/closed";

interface OpenableProps {
  trigger: Trigger;
  label?: string;
  children: ReactNode;
  align: "start" | "end";
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function Openable({ trigger, label, children, align, open, onOpenChange }: OpenableProps) {
  return (
    <DropdownMenu.Root modal={false} open={open} onOpenChange={onOpenChange}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align={align} sideOffset={4} collisionPadding={8} aria-label={label}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function Item({ icon: Icon, onSelect, children, disabled }: { icon?: LucideIcon; onSelect: () => void; children: ReactNode; disabled?: boolean }) {
  return (
    <DropdownMenu.Item className="menu__item" onSelect={onSelect} disabled={disabled}>
      {Icon && <Icon aria-hidden />}
      {children}
    </DropdownMenu.Item>
  );
}

export function CheckItem({ checked, onChange, children }: { checked: boolean; onChange: (checked: boolean) => void; children: ReactNode }) {
  return (
    <DropdownMenu.CheckboxItem className="menu__item" checked={checked} onCheckedChange={onChange} onSelect={(event) => event.preventDefault()}>
      <input type="checkbox" checked={checked} readOnly tabIndex={-1} aria-hidden />
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

export function Label({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="menu__label">{children}</DropdownMenu.Label>;
}

export function Line() {
  return <DropdownMenu.Separator className="menu__line" />;
}
