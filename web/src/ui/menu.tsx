/** Menus and pop-overs. They are not modal, so that nothing has to lock the page with styles of its own. */
import type { LucideIcon } from "lucide-react";
import { DropdownMenu, Popover as RadixPopover } from "radix-ui";
import type { ReactElement, ReactNode } from "react";

interface MenuProps {
  trigger: ReactElement;
  label?: string;
  children: ReactNode;
  align?: "start" | "end";
  /** For a menu that a key opens as well. */
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

export function Menu({ trigger, label, children, align = "start", open, onOpenChange }: MenuProps) {
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

export function MenuItem({ icon: Icon, onSelect, children, disabled }: { icon?: LucideIcon; onSelect: () => void; children: ReactNode; disabled?: boolean }) {
  return (
    <DropdownMenu.Item className="menu__item" onSelect={onSelect} disabled={disabled}>
      {Icon && <Icon aria-hidden />}
      {children}
    </DropdownMenu.Item>
  );
}

export function MenuCheck({ checked, onChange, children }: { checked: boolean; onChange: (checked: boolean) => void; children: ReactNode }) {
  return (
    <DropdownMenu.CheckboxItem className="menu__item" checked={checked} onCheckedChange={onChange} onSelect={(event) => event.preventDefault()}>
      <input type="checkbox" checked={checked} readOnly tabIndex={-1} aria-hidden />
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="menu__label">{children}</DropdownMenu.Label>;
}

export function MenuLine() {
  return <DropdownMenu.Separator className="menu__line" />;
}

export function Popover({ trigger, children, open, onOpenChange, label }: { trigger: ReactElement; children: ReactNode; open: boolean; onOpenChange: (open: boolean) => void; label: string }) {
  return (
    <RadixPopover.Root open={open} onOpenChange={onOpenChange}>
      <RadixPopover.Trigger asChild>{trigger}</RadixPopover.Trigger>
      <RadixPopover.Portal>
        <RadixPopover.Content className="popover" align="end" sideOffset={5} collisionPadding={8} aria-label={label}>
          {children}
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  );
}
