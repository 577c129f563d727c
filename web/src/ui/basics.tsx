/** Small parts that every page uses. */
import { AlertTriangle, CircleAlert, CircleCheck, CircleDot, Info, SearchX, ServerCrash, TriangleAlert, X, type LucideIcon } from "lucide-react";
import { useId, type ButtonHTMLAttributes, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/lib/api";
import { Tip } from "@/ui/tip";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: "plain" | "primary" | "danger" | "quiet";
  size?: "normal" | "small";
};

export function buttonClass(look: ButtonProps["look"] = "plain", size: ButtonProps["size"] = "normal"): string {
  return ["button", look !== "plain" && `button--${look}`, size === "small" && "button--small"].filter(Boolean).join(" ");
}

export function Button({ look, size, className, type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={`${buttonClass(look, size)} ${className ?? ""}`} {...rest} />;
}

/** A button with a picture alone: its name shows on hover and is read aloud. */
export function IconButton({ label, shortcut, children, ...rest }: ButtonProps & { label: string; shortcut?: string }) {
  return (
    <Tip text={shortcut ? `${label} (${shortcut})` : label}>
      <Button {...rest} aria-label={label} className="button--icon">
        {children}
      </Button>
    </Tip>
  );
}

export const SEVERITIES = [1, 2, 3, 4] as const;
const SEVERITY_ICONS: Record<number, LucideIcon> = { 1: TriangleAlert, 2: CircleAlert, 3: CircleDot, 4: Info };

/** Severity as picture, word and colour: never colour alone. */
export function Severity({ level }: { level: number }) {
  const { t } = useTranslation();
  const shown = Math.min(Math.max(level, 1), 4);
  const Icon = SEVERITY_ICONS[shown] ?? Info;
  return (
    <span className={`severity severity--${shown}`}>
      <Icon aria-hidden />
      {t(`severity.${shown}`)}
    </span>
  );
}

export function Chip({ text, negated, onRemove, onTurn }: { text: string; negated?: boolean; onRemove: () => void; onTurn?: () => void }) {
  const { t } = useTranslation();
  return (
    <span className={`chip ${negated ? "chip--not" : ""}`}>
      {onTurn ? (
        <button type="button" className="cut" onClick={onTurn} title={t("common.turnCondition")}>
          {text}
        </button>
      ) : (
        <span className="cut">{text}</span>
      )}
      <button type="button" onClick={onRemove} aria-label={t("common.removeFilter", { text })}>
        <X aria-hidden />
      </button>
    </span>
  );
}

export function Empty({ title, children, icon: Icon = SearchX, small }: { title: string; children?: ReactNode; icon?: LucideIcon; small?: boolean }) {
  return (
    <div className={`state ${small ? "state--small" : ""}`}>
      <Icon aria-hidden />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What went wrong in words, from the code of the answer. */
export function useProblemText(): (error: unknown) => string {
  const { t, i18n } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) return t("problem.internal");
    const { problem } = error;
    if (problem?.detail_vi) return i18n.language === "vi" ? problem.detail_vi : problem.detail;
    const key = `problem.${error.code}`;
    return i18n.exists(key) ? t(key) : (problem?.detail ?? t("problem.internal"));
  };
}

export function Failure({ error, retry, small }: { error: unknown; retry?: () => void; small?: boolean }) {
  const { t } = useTranslation();
  const text = useProblemText();
  return (
    <div className={`state ${small ? "state--small" : ""}`} role="alert">
      <ServerCrash aria-hidden />
      <h2>{t("common.failed")}</h2>
      <p>{text(error)}</p>
      {retry && <Button onClick={retry}>{t("common.retry")}</Button>}
    </div>
  );
}

export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <div className="skeleton" role="status" aria-label={t("common.loading")}>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  );
}

export function Card({ title, aside, children, bare, className }: { title: string; aside?: ReactNode; children: ReactNode; bare?: boolean; className?: string }) {
  const id = useId();
  return (
    <section className={`card ${className ?? ""}`} aria-labelledby={id}>
      <div className="card__head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {bare ? children : <div className="card__body">{children}</div>}
    </section>
  );
}

/** All is well: a line, where an empty space would be a waste. */
export function Fine({ children }: { children: ReactNode }) {
  return (
    <p className="fine">
      <CircleCheck aria-hidden /> {children}
    </p>
  );
}

export function Key({ children }: { children: string }) {
  return <kbd className="kbd">{children}</kbd>;
}

export function Partial({ children }: { children: ReactNode }) {
  return (
    <p className="note" role="status">
      <AlertTriangle size={13} aria-hidden /> {children}
    </p>
  );
}

/** Hourly counts as bars; the exact numbers are in its name. */
export function Spark({ counts, label }: { counts: readonly number[]; label: string }) {
  const most = Math.max(1, ...counts);
  const width = 3;
  const height = 18;
  return (
    <svg className="spark" width={counts.length * width} height={height} role="img" aria-label={label}>
      {counts.map((count, hour) => {
        const tall = count === 0 ? 1 : Math.max(2, Math.round((count / most) * height));
        return (
          <rect
            key={hour}
            className={count > 0 && hour === counts.length - 1 ? "is-last" : undefined}
            x={hour * width}
            y={height - tall}
            width={width - 1}
            height={tall}
            opacity={count === 0 ? 0.35 : 1}
          />
        );
      })}
    </svg>
  );
}

export function Segmented<T extends string>({ legend, value, options, onChange }: { legend: string; value: T; options: readonly { value: T; label: ReactNode }[]; onChange: (value: T) => void }) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend className="hidden">{legend}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input className="hidden" type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
