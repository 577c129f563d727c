/** What forms and the dialogs that ask are made of. */
import { useQuery } from "@tanstack/react-query";
import { useId, type InputHTMLAttributes, type ReactNode, type TextareaHTMLAttributes } from "react";
import { useTranslation } from "react-i18next";
import { unitsQuery } from "@/lib/units";
import { Button, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";

export function Field({ label, hint, children }: { label: string; hint?: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <p className="muted">{hint}</p>}
    </div>
  );
}

type TextProps = Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> & { label: string; hint?: string; onText: (text: string) => void };

export function Text({ label, hint, onText, className, ...rest }: TextProps) {
  return (
    <Field label={label} hint={hint}>
      {(id) => <input id={id} className={`input ${className ?? ""}`} autoComplete="off" {...rest} onChange={(event) => onText(event.target.value)} />}
    </Field>
  );
}

type AreaProps = Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "onChange"> & { label: string; hint?: string; onText: (text: string) => void };

export function Area({ label, hint, onText, ...rest }: AreaProps) {
  return (
    <Field label={label} hint={hint}>
      {(id) => <textarea id={id} className="textarea" {...rest} onChange={(event) => onText(event.target.value)} />}
    </Field>
  );
}

interface PickProps<T extends string> {
  label: string;
  hint?: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onPick: (value: T) => void;
}

export function Pick<T extends string>({ label, hint, value, options, onPick }: PickProps<T>) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <select
          id={id}
          className="select"
          value={value}
          onChange={(event) => {
            const chosen = options.find((option) => option.value === event.target.value);
            if (chosen) onPick(chosen.value);
          }}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface ChecksProps<T extends string | number> {
  legend: string;
  hint?: string;
  chosen: readonly T[];
  options: readonly { value: T; label: string }[];
  onChosen: (chosen: T[]) => void;
}

export function Checks<T extends string | number>({ legend, hint, chosen, options, onChosen }: ChecksProps<T>) {
  return (
    <fieldset className="settings__checks">
      <legend>{legend}</legend>
      {hint && <p className="muted">{hint}</p>}
      <div>
        {options.map(({ value, label }) => (
          <label key={value} className="check">
            <input type="checkbox" checked={chosen.includes(value)} onChange={(event) => onChosen(event.target.checked ? [...chosen, value] : chosen.filter((one) => one !== value))} /> {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** The unit that a thing belongs to. */
export function UnitPick({ value, hint, onPick }: { value: number; hint?: string; onPick: (unit: number) => void }) {
  const { t } = useTranslation();
  const units = useQuery(unitsQuery);
  const options = units.data?.map((unit) => ({ value: String(unit.id), label: unit.name })) ?? [];
  return <Pick label={t("account.unit")} hint={hint} value={String(value)} options={options} onPick={(unit) => onPick(Number(unit))} />;
}

export function Fault({ error }: { error: unknown }) {
  const problem = useProblemText();
  if (!error) return null;
  return (
    <p className="field__error" role="alert">
      {problem(error)}
    </p>
  );
}

interface FormDialogProps {
  title: string;
  /** What the button that sends it says. */
  submit: ReactNode;
  /** It may be sent. */
  ready: boolean;
  onSubmit: () => void;
  onClose: () => void;
  error?: unknown;
  wide?: boolean;
  /** What it does cannot be taken back: the way out has the focus. */
  danger?: boolean;
  children: ReactNode;
}

/** Asks for something, and sends it or not. */
export function FormDialog({ title, submit, ready, onSubmit, onClose, error, wide, danger, children }: FormDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog
      title={title}
      wide={wide}
      onClose={onClose}
      onSubmit={() => ready && onSubmit()}
      actions={
        <>
          <Button onClick={onClose} data-first={danger}>
            {t("common.cancel")}
          </Button>
          <Button look={danger ? "danger" : "primary"} type="submit" disabled={!ready}>
            {submit}
          </Button>
        </>
      }
    >
      {children}
      <Fault error={error} />
    </Dialog>
  );
}

/** Asks before something is gone. */
export function Sure({ title, text, action, error, onYes, onClose }: { title: string; text: string; action: string; error?: unknown; onYes: () => void; onClose: () => void }) {
  return (
    <FormDialog title={title} submit={action} ready danger error={error} onSubmit={onYes} onClose={onClose}>
      <p>{text}</p>
    </FormDialog>
  );
}
