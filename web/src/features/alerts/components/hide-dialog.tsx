/** A rule that hides: conditions taken from a group, tried on the last thirty days before it is made. */
import { useQuery } from "@tanstack/react-query";
import { Plus, ShieldAlert, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { number, percent } from "@/lib/format";
import { Button, IconButton, Loading, Severity, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { hidePreviewQuery, type GroupRow, type HideCondition } from "../api";
import { useTitle } from "./title";

const FIELDS = ["sid", "source", "destination", "address", "signature", "category", "severity", "application", "technique", "sensor"] as const;
type Field = (typeof FIELDS)[number];
const TESTS: Record<Field, readonly string[]> = {
  sid: ["is"],
  severity: ["is"],
  source: ["is", "network"],
  destination: ["is", "network"],
  address: ["is", "network"],
  signature: ["is", "prefix"],
  category: ["is", "prefix"],
  application: ["is", "prefix"],
  technique: ["is", "prefix"],
  sensor: ["is", "prefix"],
};
const DAYS = [1, 7, 30, 90, 365] as const;

interface Draft {
  field: Field;
  test: string;
  text: string;
}

/** What a group has in a field. */
function valueOf(group: GroupRow, field: Field): string {
  switch (field) {
    case "sid":
      return String(group.sid);
    case "severity":
      return String(group.severity);
    case "source":
    case "address":
      return group.source;
    case "destination":
      return group.destination;
    case "application":
      return group.app_proto ?? "";
    case "technique":
      return group.technique ?? "";
    case "sensor":
      return group.sensors[0] ?? "";
    default:
      return group[field];
  }
}

function conditionsOf(drafts: readonly Draft[]): HideCondition[] {
  const split = (draft: Draft) => (draft.field === "signature" || draft.field === "category" ? [draft.text.trim()] : draft.text.split(/[\s,;]+/));
  return drafts.map((draft) => ({ field: draft.field, test: draft.test, values: split(draft).filter(Boolean) })).filter((one) => one.values.length > 0);
}

interface HideProps {
  group: GroupRow;
  onClose: () => void;
  onDone: (rule: { conditions: HideCondition[]; reason: string; expires: string }) => void;
}

export function HideDialog({ group, onClose, onDone }: HideProps) {
  const { t } = useTranslation();
  const id = useId();
  const [drafts, setDrafts] = useState<readonly Draft[]>([
    { field: "sid", test: "is", text: String(group.sid) },
    { field: "source", test: "is", text: group.source },
  ]);
  const [reason, setReason] = useState("");
  const [days, setDays] = useState<number>(30);
  const [tried, setTried] = useState(false);
  const conditions = conditionsOf(drafts);
  const change = (index: number, to: Partial<Draft>) => setDrafts(drafts.map((draft, at) => (at === index ? { ...draft, ...to } : draft)));
  return (
    <Dialog
      title={t("hide.title")}
      wide
      onClose={onClose}
      onSubmit={() => {
        setTried(true);
        if (conditions.length > 0 && reason.trim()) onDone({ conditions, reason: reason.trim(), expires: `now+${days}d` });
      }}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary">
            {t("hide.submit")}
          </Button>
        </>
      }
    >
      <fieldset className="hide__conditions">
        <legend className="label">{t("hide.conditions")}</legend>
        {drafts.map((draft, index) => (
          <div key={index} className="hide__condition">
            <select
              className="select"
              aria-label={t("hide.field")}
              value={draft.field}
              onChange={(event) => {
                const field = FIELDS.find((one) => one === event.target.value) ?? "sid";
                change(index, { field, test: "is", text: valueOf(group, field) });
              }}
            >
              {FIELDS.map((field) => (
                <option key={field} value={field}>
                  {t(`hide.fields.${field}`)}
                </option>
              ))}
            </select>
            <select className="select" aria-label={t("hide.test")} value={draft.test} onChange={(event) => change(index, { test: event.target.value })}>
              {TESTS[draft.field].map((test) => (
                <option key={test} value={test}>
                  {t(`hide.tests.${test}`)}
                </option>
              ))}
            </select>
            <input className="input mono" aria-label={t("hide.values")} value={draft.text} onChange={(event) => change(index, { text: event.target.value })} />
            <IconButton look="quiet" label={t("hide.remove")} disabled={drafts.length < 2} onClick={() => setDrafts(drafts.filter((_, at) => at !== index))}>
              <Trash2 aria-hidden />
            </IconButton>
          </div>
        ))}
        <div>
          <Button size="small" disabled={drafts.length >= 8} onClick={() => setDrafts([...drafts, { field: "destination", test: "is", text: group.destination }])}>
            <Plus aria-hidden /> {t("hide.add")}
          </Button>{" "}
          <span className="muted">{t("hide.all")}</span>
        </div>
      </fieldset>
      <Preview conditions={conditions} />
      <div className="field">
        <label htmlFor={`${id}-reason`}>{t("close.reason")}</label>
        <textarea id={`${id}-reason`} data-first className="textarea" maxLength={1_000} value={reason} aria-invalid={tried && !reason.trim()} onChange={(event) => setReason(event.target.value)} />
        {tried && !reason.trim() && (
          <p className="field__error" role="alert">
            {t("close.needsReason")}
          </p>
        )}
      </div>
      <label className="hide__days">
        {t("hide.for")}
        <select className="select" value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {DAYS.map((one) => (
            <option key={one} value={one}>
              {t("hide.days", { count: one })}
            </option>
          ))}
        </select>
      </label>
    </Dialog>
  );
}

function Preview({ conditions }: { conditions: HideCondition[] }) {
  const { t, i18n } = useTranslation();
  const problem = useProblemText();
  const titleOf = useTitle();
  const preview = useQuery({ ...hidePreviewQuery(conditions), placeholderData: (before) => before, retry: false });
  if (conditions.length === 0) return null;
  if (preview.isError) return <p className="note note--bad" role="alert">{problem(preview.error)}</p>;
  if (!preview.data) return <Loading rows={2} />;
  const { groups, groups_of, alerts, alerts_of, true_positive, escalated, examples } = preview.data;
  const show = (value: number) => number(value, i18n.language);
  return (
    <section className="hide__preview" aria-label={t("hide.preview")}>
      <p role="status">
        {t("hide.would", { groups: show(groups), groups_of: show(groups_of), alerts: show(alerts), alerts_of: show(alerts_of), share: percent(alerts / Math.max(1, alerts_of), i18n.language) })}
      </p>
      {(true_positive > 0 || escalated > 0) && (
        <p className="note note--bad" role="alert">
          <ShieldAlert size={14} aria-hidden /> {t("hide.careful", { count: true_positive, escalated })}
        </p>
      )}
      {examples.length > 0 && (
        <ul>
          {examples.map((row) => (
            <li key={row.id}>
              <Severity level={row.severity} />
              <span className="cut">{titleOf(row).title}</span>
              <span className="mono muted cut">
                {row.source} → {row.destination}
              </span>
              <span className="tag">{row.verdict ? t(`verdict.${row.verdict}`) : t(`status.${row.status}`)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
