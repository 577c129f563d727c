/** What the forms of the settings are made of. */
import { useQuery } from "@tanstack/react-query";
import { useId, type InputHTMLAttributes, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Pencil, Trash2 } from "lucide-react";
import { Button, Failure, IconButton, Loading, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { SortedTable, type Column } from "@/ui/sorted-table";
import { unitsQuery } from "../api";

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
export function UnitPick({ value, onPick }: { value: number; onPick: (unit: number) => void }) {
  const { t } = useTranslation();
  const units = useQuery(unitsQuery);
  const options = units.data?.map((unit) => ({ value: String(unit.id), label: unit.name })) ?? [];
  return <Pick label={t("account.unit")} value={String(value)} options={options} onPick={(unit) => onPick(Number(unit))} />;
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

/** Asks before something is gone. */
export function Sure({ title, text, action, error, onYes, onClose }: { title: string; text: string; action: string; error?: unknown; onYes: () => void; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={onYes}
      actions={
        <>
          <Button onClick={onClose} data-first>
            {t("common.cancel")}
          </Button>
          <Button look="danger" type="submit">
            {action}
          </Button>
        </>
      }
    >
      <p>{text}</p>
      <Fault error={error} />
    </Dialog>
  );
}

interface ListingProps<T> {
  caption: string;
  /** Of the file that is saved. */
  name: string;
  columns: readonly Column<T>[];
  query: { isPending: boolean; isLoadingError: boolean; error: unknown; refetch: () => unknown };
  items: readonly T[] | undefined;
  rowKey: (item: T) => string | number;
  /** What can be done with a row. */
  actions?: (item: T) => ReactNode;
  /** Rows that stand for those to come. */
  rows?: number;
  empty: ReactNode;
}

/** A table of what a query gives: while it comes, when it fails, when there is nothing. */
export function Listing<T>({ query, items = [], rows = 2, ...table }: ListingProps<T>) {
  if (query.isPending) return <Loading rows={rows} />;
  if (query.isLoadingError) return <Failure small error={query.error} retry={() => void query.refetch()} />;
  return <SortedTable items={items} {...table} />;
}

export function EditAndDelete({ name, onEdit, onDelete }: { name: string; onEdit: () => void; onDelete: () => void }) {
  const { t } = useTranslation();
  return (
    <>
      <IconButton look="quiet" size="small" label={t("notify.edit", { name })} onClick={onEdit}>
        <Pencil aria-hidden />
      </IconButton>
      <IconButton look="quiet" size="small" label={t("notify.delete", { name })} onClick={onDelete}>
        <Trash2 aria-hidden />
      </IconButton>
    </>
  );
}
