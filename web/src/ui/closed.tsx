/** What opens when its button is pressed, while nobody has pressed it: no more than the button. A list has hundreds of them. */
import { cloneElement, type ComponentProps, type KeyboardEvent, type ReactElement } from "react";

export type Trigger = ReactElement<ComponentProps<"button">>;

/** `early` is called when it is likely to be pressed soon. */
export function closed(trigger: Trigger, popup: "menu" | "dialog", early: () => void, open: () => void): Trigger {
  return cloneElement(trigger, {
    "aria-haspopup": popup,
    "aria-expanded": false,
    onPointerEnter: early,
    onFocus: early,
    onClick: open,
    onKeyDown: (event: KeyboardEvent) => {
      if (popup !== "menu" || event.key !== "ArrowDown") return;
      event.preventDefault();
      open();
    },
  });
}
