/** Short messages at the foot of the page, with a way back where there is one. */
import { X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

interface Toast {
  id: number;
  text: string;
  bad?: boolean;
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 10_000;
const MOST = 3;
let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener();
}

export function toast(message: Omit<Toast, "id">): void {
  const id = next++;
  change([...toasts, { ...message, id }].slice(-MOST));
}

function dismiss(id: number): void {
  change(toasts.filter((one) => one.id !== id));
}

function One({ shown }: { shown: Toast }) {
  const { t } = useTranslation();
  useEffect(() => {
    const timer = setTimeout(() => dismiss(shown.id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [shown.id]);
  return (
    <div className={`toast ${shown.bad ? "toast--bad" : ""}`} role={shown.bad ? "alert" : undefined}>
      <span>{shown.text}</span>
      {shown.action && (
        <button
          type="button"
          onClick={() => {
            shown.action?.run();
            dismiss(shown.id);
          }}
        >
          {shown.action.label}
        </button>
      )}
      <button type="button" aria-label={t("common.close")} onClick={() => dismiss(shown.id)}>
        <X aria-hidden />
      </button>
    </div>
  );
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <One key={one.id} shown={one} />
      ))}
    </div>
  );
}
