/** The centre's own rule sets. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { FilePenLine, Plus } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Empty } from "@/ui/basics";
import { FormDialog, Text, UnitPick } from "@/ui/form";
import { RulesList } from "@/ui/listing";
import type { Column } from "@/ui/sorted-table";
import { setsQuery, useCreateSet, type RuleSet } from "./api";
import "./bench.css";

export function RuleSetsPage() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const { author } = useRights();
  const sets = useQuery(setsQuery);
  const [making, setMaking] = useState(false);
  useEffect(() => {
    document.title = `${t("bench.sets")} – Mắt Lưới`;
  }, [t]);
  const columns = useMemo(
    (): Column<RuleSet>[] => [
      {
        head: t("bench.name"),
        value: (set) => set.name,
        cell: (set) => (
          <Link to="/rule-sets/$set" params={{ set: String(set.id) }} className="strong">
            {set.name}
          </Link>
        ),
      },
      { head: t("account.unit"), value: (set) => set.unit_name },
      { head: t("bench.newest"), value: (set) => set.newest, cell: (set) => set.newest ?? <span className="muted">–</span>, numeric: true },
      {
        head: t("bench.published"),
        value: (set) => set.everywhere,
        cell: (set) => (
          <>
            {set.everywhere ?? <span className="muted">–</span>}
            {set.apart > 0 && <span className="tag tag--warn">{t("bench.apart", { count: set.apart })}</span>}
          </>
        ),
        numeric: true,
      },
      { head: t("bench.draft"), value: (set) => (set.changed ? t("bench.changed") : ""), cell: (set) => (set.changed ? <span className="tag tag--warn">{t("bench.changed")}</span> : <span className="muted">–</span>) },
      { head: t("bench.changedBy"), value: (set) => set.draft_by },
      { head: t("bench.changedAt"), value: (set) => set.draft_at, cell: (set) => <span className="tabular nowrap">{dateTime(set.draft_at, zone)}</span> },
    ],
    [t, zone],
  );
  return (
    <>
      <RulesList
        title={t("bench.sets")}
        name="rule-sets"
        query={sets}
        items={sets.data}
        columns={columns}
        rowKey={(set) => set.id}
        make={
          author && (
            <Button look="primary" onClick={() => setMaking(true)}>
              <Plus aria-hidden /> {t("bench.create")}
            </Button>
          )
        }
        empty={
          <Empty title={t("bench.none")} icon={FilePenLine}>
            <p>{t("bench.noneHint")}</p>
          </Empty>
        }
      />
      {making && <CreateDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function CreateDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const navigate = useNavigate();
  const create = useCreateSet();
  const [name, setName] = useState("");
  const [unit, setUnit] = useState(user.unit_id);
  const submit = () => create.mutate({ name, unit_id: unit }, { onSuccess: ({ id }) => void navigate({ to: "/rule-sets/$set", params: { set: String(id) } }) });
  return (
    <FormDialog title={t("bench.create")} submit={t("bench.create")} ready={name.trim() !== "" && !create.isPending} error={create.error} onSubmit={submit} onClose={onClose}>
      <Text label={t("bench.name")} maxLength={100} value={name} onText={setName} />
      <UnitPick value={unit} hint={t("bench.unitHint")} onPick={setUnit} />
    </FormDialog>
  );
}
