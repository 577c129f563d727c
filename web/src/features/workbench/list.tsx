/** The centre's own rule sets. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, FilePenLine, Plus } from "lucide-react";
import { useEffect, useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, buttonClass, Empty, Failure, Loading, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { SortedTable, type Column } from "@/ui/sorted-table";
import { setsQuery, unitsQuery, useCreateSet, type RuleSet } from "./api";
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
  const make = author && (
    <Button look="primary" onClick={() => setMaking(true)}>
      <Plus aria-hidden /> {t("bench.create")}
    </Button>
  );
  return (
    <div className="page">
      <div className="page__head">
        <Link to="/rules" className={buttonClass("quiet")}>
          <ArrowLeft aria-hidden /> {t("nav.rules")}
        </Link>
        <h1>{t("bench.sets")}</h1>
        <span className="spring" />
        {make}
      </div>
      <div className="page__body">
        {sets.isPending ? (
          <Loading rows={6} />
        ) : sets.isLoadingError ? (
          <Failure error={sets.error} retry={() => void sets.refetch()} />
        ) : (
          <div className="card">
            <SortedTable
              caption={t("bench.sets")}
              name="rule-sets"
              columns={columns}
              items={sets.data}
              rowKey={(set) => set.id}
              empty={
                <Empty title={t("bench.none")} icon={FilePenLine}>
                  <p>{t("bench.noneHint")}</p>
                </Empty>
              }
            />
          </div>
        )}
      </div>
      {making && <CreateDialog onClose={() => setMaking(false)} />}
    </div>
  );
}

function CreateDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const { user } = useRights();
  const navigate = useNavigate();
  const problem = useProblemText();
  const units = useQuery(unitsQuery);
  const create = useCreateSet();
  const [name, setName] = useState("");
  const [unit, setUnit] = useState(user.unit_id);
  const submit = () => create.mutate({ name, unit_id: unit }, { onSuccess: ({ id: made }) => void navigate({ to: "/rule-sets/$set", params: { set: String(made) } }) });
  return (
    <Dialog
      title={t("bench.create")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={name.trim() === "" || create.isPending}>
            {t("bench.create")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={`${id}-name`}>{t("bench.name")}</label>
        <input id={`${id}-name`} className="input" maxLength={100} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-unit`}>{t("account.unit")}</label>
        <select id={`${id}-unit`} className="select" value={unit} onChange={(event) => setUnit(Number(event.target.value))}>
          {units.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <p className="muted">{t("bench.unitHint")}</p>
      </div>
      {create.error && (
        <p className="field__error" role="alert">
          {problem(create.error)}
        </p>
      )}
    </Dialog>
  );
}
