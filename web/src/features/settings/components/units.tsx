/** The tree of the organisation. */
import { useQuery } from "@tanstack/react-query";
import { Building2, Pencil, Plus, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { Button, Card, Failure, IconButton, Loading, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { toast } from "@/ui/toasts";
import { unitsQuery, useCreateUnit, useDeleteUnit, useRenameUnit } from "../api";

type Unit = Schemas["UnitBody"];
type Editing = { unit: Unit; adding: boolean };

export function Units() {
  const { t } = useTranslation();
  const units = useQuery(unitsQuery);
  const remove = useDeleteUnit();
  const problem = useProblemText();
  const [editing, setEditing] = useState<Editing>();
  const all = units.data ?? [];
  const ids = new Set(all.map((unit) => unit.id));
  const branch = (parent: number | null) => {
    const children = all.filter((unit) => (parent === null ? unit.parent_id === null || unit.parent_id === undefined || !ids.has(unit.parent_id) : unit.parent_id === parent));
    if (children.length === 0) return null;
    return (
      <ul className={parent === null ? "units" : undefined}>
        {children.map((unit) => (
          <li key={unit.id}>
            <div className="units__row">
              <Building2 size={15} aria-hidden />
              <strong>{unit.name}</strong>
              <span className="muted">{unit.kind}</span>
              <IconButton look="quiet" size="small" label={t("settings.addUnit", { name: unit.name })} onClick={() => setEditing({ unit, adding: true })}>
                <Plus aria-hidden />
              </IconButton>
              <IconButton look="quiet" size="small" label={t("settings.renameUnit", { name: unit.name })} onClick={() => setEditing({ unit, adding: false })}>
                <Pencil aria-hidden />
              </IconButton>
              {unit.parent_id !== null && unit.parent_id !== undefined && (
                <IconButton look="quiet" size="small" label={t("settings.deleteUnit", { name: unit.name })} onClick={() => remove.mutate(unit.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
                  <Trash2 aria-hidden />
                </IconButton>
              )}
            </div>
            {branch(unit.id)}
          </li>
        ))}
      </ul>
    );
  };
  return (
    <Card title={t("settings.tab.units")}>
      <p className="muted settings__text">{t("settings.unitsText")}</p>
      {units.isPending ? <Loading rows={6} /> : units.isLoadingError ? <Failure error={units.error} retry={() => void units.refetch()} /> : branch(null)}
      {editing && <UnitDialog {...editing} onClose={() => setEditing(undefined)} />}
    </Card>
  );
}

function UnitDialog({ unit, adding, onClose }: Editing & { onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const [name, setName] = useState(adding ? "" : unit.name);
  const [kind, setKind] = useState(adding ? "" : unit.kind);
  const create = useCreateUnit();
  const rename = useRenameUnit();
  const error = create.error ?? rename.error;
  const submit = () => {
    if (adding) create.mutate({ parent_id: unit.id, name, kind }, { onSuccess: onClose });
    else rename.mutate({ id: unit.id, name, kind }, { onSuccess: onClose });
  };
  return (
    <Dialog
      title={t(adding ? "settings.addUnit" : "settings.renameUnit", { name: unit.name })}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={name.trim() === "" || kind.trim() === ""}>
            {t("settings.save")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={`${id}-name`}>{t("settings.unitName")}</label>
        <input id={`${id}-name`} className="input" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-kind`}>{t("settings.unitKind")}</label>
        <input id={`${id}-kind`} className="input" maxLength={100} placeholder={t("settings.unitKindHint")} value={kind} onChange={(event) => setKind(event.target.value)} />
      </div>
      {error && (
        <p className="field__error" role="alert">
          {problem(error)}
        </p>
      )}
    </Dialog>
  );
}
