/** The tree of the organisation. */
import { useQuery } from "@tanstack/react-query";
import { Building2, Pencil, Plus, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { unitsQuery } from "@/lib/units";
import { Card, Empty, IconButton } from "@/ui/basics";
import { FormDialog, Sure, Text } from "@/ui/form";
import { Listing } from "@/ui/listing";
import { useCreateUnit, useDeleteUnit, useRenameUnit } from "../api";

type Unit = Schemas["UnitBody"];
type Editing = { unit: Unit; adding: boolean };

/** Pixels that a unit stands in from the one above it; deeper ones stand in no further. */
const INDENT = 22;
const DEEPEST = 8;

/** A unit with its place in the tree. */
interface Row {
  unit: Unit;
  depth: number;
  /** The units above it, from the top. */
  above: string;
}

/** As the tree is read: each unit with those below it behind it. One whose superior is not seen stands at the top. */
export function rowsOf(units: readonly Unit[]): Row[] {
  const ids = new Set(units.map((unit) => unit.id));
  const below = new Map<number | null, Unit[]>();
  for (const unit of units) {
    const parent = unit.parent_id !== null && unit.parent_id !== undefined && ids.has(unit.parent_id) ? unit.parent_id : null;
    const siblings = below.get(parent);
    if (siblings) siblings.push(unit);
    else below.set(parent, [unit]);
  }
  const grow = (parent: number | null, depth: number, above: string): Row[] =>
    (below.get(parent) ?? []).flatMap((unit) => [{ unit, depth, above }, ...grow(unit.id, depth + 1, above === "" ? unit.name : `${above} › ${unit.name}`)]);
  return grow(null, 0, "");
}

export function Units() {
  const { t } = useTranslation();
  const units = useQuery(unitsQuery);
  const remove = useDeleteUnit();
  const [editing, setEditing] = useState<Editing>();
  const [removing, setRemoving] = useState<Unit>();
  const rows = useMemo(() => units.data && rowsOf(units.data), [units.data]);
  const buttons = ({ unit }: Row) => (
    <>
      <IconButton look="quiet" size="small" label={t("settings.addUnit", { name: unit.name })} onClick={() => setEditing({ unit, adding: true })}>
        <Plus aria-hidden />
      </IconButton>
      <IconButton look="quiet" size="small" label={t("settings.renameUnit", { name: unit.name })} onClick={() => setEditing({ unit, adding: false })}>
        <Pencil aria-hidden />
      </IconButton>
      {unit.parent_id !== null && unit.parent_id !== undefined && (
        <IconButton look="quiet" size="small" label={t("settings.deleteUnit", { name: unit.name })} onClick={() => setRemoving(unit)}>
          <Trash2 aria-hidden />
        </IconButton>
      )}
    </>
  );
  return (
    <Card title={t("settings.tab.units")} bare>
      <p className="muted settings__text card__body">{t("settings.unitsText")}</p>
      <Listing
        caption={t("settings.tab.units")}
        name="units"
        query={units}
        items={rows}
        rows={6}
        rowKey={({ unit }) => unit.id}
        columns={[
          {
            head: t("settings.unitName"),
            value: ({ unit }) => unit.name,
            cell: ({ unit, depth }) => (
              <span className="units__name" style={{ paddingLeft: `${Math.min(depth, DEEPEST) * INDENT}px` }}>
                <Building2 size={15} aria-hidden />
                <strong>{unit.name}</strong>
              </span>
            ),
          },
          { head: t("settings.unitKind"), value: ({ unit }) => unit.kind },
          { head: t("settings.unitAbove"), value: ({ above }) => above, cell: ({ above }) => <span className="muted">{above || "–"}</span> },
        ]}
        actions={buttons}
        empty={<Empty small title={t("settings.noUnits")} icon={Building2} />}
      />
      {editing && <UnitDialog {...editing} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Sure
          title={t("settings.deleteUnit", { name: removing.name })}
          text={t("settings.deleteUnitText")}
          action={t("notify.remove")}
          error={remove.error}
          onYes={() => remove.mutate(removing.id, { onSuccess: () => setRemoving(undefined) })}
          onClose={() => {
            remove.reset();
            setRemoving(undefined);
          }}
        />
      )}
    </Card>
  );
}

function UnitDialog({ unit, adding, onClose }: Editing & { onClose: () => void }) {
  const { t } = useTranslation();
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
    <FormDialog title={t(adding ? "settings.addUnit" : "settings.renameUnit", { name: unit.name })} submit={t("settings.save")} ready={name.trim() !== "" && kind.trim() !== ""} error={error} onSubmit={submit} onClose={onClose}>
      <Text label={t("settings.unitName")} maxLength={100} value={name} onText={setName} />
      <Text label={t("settings.unitKind")} maxLength={100} placeholder={t("settings.unitKindHint")} value={kind} onText={setKind} />
    </FormDialog>
  );
}
