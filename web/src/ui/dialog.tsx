/** A modal window. The browser's own `<dialog>` keeps the focus inside and gives it back. */
import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/basics";

interface DialogProps {
  title: string;
  wide?: boolean;
  onClose: () => void;
  onSubmit?: () => void;
  children: ReactNode;
  actions?: ReactNode;
}

export function Dialog({ title, wide, onClose, onSubmit, children, actions }: DialogProps) {
  const { t } = useTranslation();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) {
      shown.showModal();
      // The first thing to fill in, rather than the button that closes.
      const first = shown.querySelector<HTMLElement>("[data-first]") ?? shown.querySelector<HTMLElement>(".dialog__body :is(input, textarea, select)");
      (first ?? shown).focus();
    }
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      className={`dialog ${wide ? "dialog--wide" : ""}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit?.();
        }}
      >
        <div className="dialog__head">
          <h2 id={id}>{title}</h2>
          {/* Without a tip: Escape would close that first. */}
          <Button look="quiet" className="button--icon" aria-label={t("common.close")} onClick={onClose}>
            <X aria-hidden />
          </Button>
        </div>
        <div className="dialog__body">{children}</div>
        {actions && <div className="dialog__foot">{actions}</div>}
      </form>
    </dialog>
  );
}
