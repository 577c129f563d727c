/** A rule of notifications: what is told to whom, and when. */
import { useQuery } from "@tanstack/react-query";
import { Save } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ALARM_KINDS } from "@/lib/alarms";
import type { Schemas } from "@/lib/api";
import { useRights } from "@/lib/session";
import { SEVERITIES } from "@/ui/basics";
import { Checks, Field, FormDialog, Pick, Text, UnitPick } from "@/ui/form";
import { When } from "@/ui/when";
import { channelsQuery, usePutTelling } from "../api";

const TOLD: readonly Schemas["Told"][] = ["alerts", "alarms"];
const DAYS = [1, 2, 3, 4, 5, 6, 7] as const;
const MOST_MINUTES = 7 * 24 * 60;

function sidsOf(text: string): number[] {
  return text.split(/[\s,;]+/).filter(Boolean).map(Number);
}

export function TellingDialog({ rule, onClose }: { rule: Schemas["RuleBody"] | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const channels = useQuery(channelsQuery);
  const put = usePutTelling();
  const before = rule?.config;
  const [name, setName] = useState(rule?.name ?? "");
  const [unit, setUnit] = useState(rule?.unit_id ?? user.unit_id);
  const [enabled, setEnabled] = useState(rule?.enabled ?? true);
  const [about, setAbout] = useState(before?.about ?? [...TOLD]);
  const [severity, setSeverity] = useState(before?.severity ?? 2);
  const [sids, setSids] = useState(before?.sids?.join(", ") ?? "");
  const [text, setText] = useState(before?.text ?? "");
  const [alarms, setAlarms] = useState(before?.alarms ?? []);
  const [to, setTo] = useState(before?.channels ?? []);
  const [digest, setDigest] = useState(String(before?.digest_minutes ?? 0));
  const [isQuiet, setIsQuiet] = useState(!!before?.quiet);
  const [quiet, setQuiet] = useState<Schemas["QuietHours"]>(before?.quiet ?? { from: "22:00", to: "06:00", days: [], unless_severity: 1, utc_offset_minutes: 420 });
  const [escalates, setEscalates] = useState(!!before?.escalation);
  const [after, setAfter] = useState(String(before?.escalation?.after_minutes ?? 30));
  const [then, setThen] = useState(before?.escalation?.channels ?? []);
  const places = channels.data?.map((channel) => ({ value: channel.id, label: channel.name })) ?? [];
  const severities = SEVERITIES.map((level) => ({ value: String(level), label: t(`severity.${level}`) }));
  const minutes = Number(digest);
  const within = (value: number, from: number) => Number.isInteger(value) && value >= from && value <= MOST_MINUTES;
  const ready =
    name.trim() !== "" && about.length > 0 && to.length > 0 && digest !== "" && within(minutes, 0) && sidsOf(sids).every((sid) => Number.isInteger(sid) && sid > 0) &&
    (!isQuiet || (quiet.from !== "" && quiet.to !== "")) && (!escalates || (within(Number(after), 1) && then.length > 0));
  const submit = () => {
    const config: Schemas["RuleConfig"] = {
      about, severity, sids: sidsOf(sids), text: text.trim(), alarms, channels: to, digest_minutes: minutes,
      quiet: isQuiet ? quiet : null,
      escalation: escalates ? { after_minutes: Number(after), channels: then } : null,
    };
    put.mutate({ id: rule?.id, name: name.trim(), unit_id: unit, enabled, config }, { onSuccess: onClose });
  };
  return (
    <FormDialog
      title={rule ? t("notify.edit", { name: rule.name }) : t("notify.addRule")}
      submit={
        <>
          <Save aria-hidden /> {t("settings.save")}
        </>
      }
      ready={ready && !put.isPending}
      error={put.error}
      wide
      onSubmit={submit}
      onClose={onClose}
    >
      <div className="settings__grid">
        <Text label={t("notify.name")} maxLength={100} value={name} onText={setName} />
        <UnitPick value={unit} onPick={setUnit} />
        <Checks legend={t("notify.about")} chosen={about} options={TOLD.map((value) => ({ value, label: t(`notify.told.${value}`) }))} onChosen={setAbout} />
        <Pick label={t("notify.severity")} value={String(severity)} options={severities} onPick={(level) => setSeverity(Number(level))} />
      </div>
      <Checks legend={t("notify.to")} chosen={to} options={places} onChosen={setTo} />
      {about.includes("alerts") && (
        <div className="settings__grid">
          <Text label={t("notify.text")} hint={t("notify.textHint")} maxLength={1_000} value={text} onText={setText} />
          <Text label={t("notify.sids")} hint={t("notify.sidsHint")} className="mono" value={sids} onText={setSids} />
        </div>
      )}
      {about.includes("alarms") && (
        <details>
          <summary>{alarms.length === 0 ? t("notify.allAlarms") : t("notify.someAlarms", { count: alarms.length })}</summary>
          <Checks legend={t("notify.alarms")} hint={t("notify.alarmsHint")} chosen={alarms} options={ALARM_KINDS.map((value) => ({ value: value as string, label: t(`alarms.kind.${value}`) }))} onChosen={setAlarms} />
        </details>
      )}
      <Text label={t("notify.digest")} hint={t("notify.digestHint")} type="number" min={0} max={MOST_MINUTES} value={digest} onText={setDigest} />
      <label className="check">
        <input type="checkbox" checked={isQuiet} onChange={(event) => setIsQuiet(event.target.checked)} /> {t("notify.quiet")}
      </label>
      {isQuiet && (
        <div className="settings__grid settings__inset">
          <Field label={t("notify.quietFrom")}>{(id) => <When id={id} kind="clock" value={quiet.from} onValue={(from) => setQuiet({ ...quiet, from })} />}</Field>
          <Field label={t("notify.quietTo")}>{(id) => <When id={id} kind="clock" value={quiet.to} onValue={(end) => setQuiet({ ...quiet, to: end })} />}</Field>
          <Checks legend={t("notify.days")} hint={t("notify.daysHint")} chosen={quiet.days ?? []} options={DAYS.map((value) => ({ value: value as number, label: t(`notify.day.${value}`) }))} onChosen={(days) => setQuiet({ ...quiet, days })} />
          <Pick
            label={t("notify.unless")}
            value={String(quiet.unless_severity ?? 0)}
            options={[{ value: "0", label: t("notify.unlessNone") }, ...severities]}
            onPick={(level) => setQuiet({ ...quiet, unless_severity: Number(level) })}
          />
        </div>
      )}
      <label className="check">
        <input type="checkbox" checked={escalates} onChange={(event) => setEscalates(event.target.checked)} /> {t("notify.escalate")}
      </label>
      {escalates && (
        <div className="settings__grid settings__inset">
          <Text label={t("notify.after")} type="number" min={1} max={MOST_MINUTES} value={after} onText={setAfter} />
          <Checks legend={t("notify.then")} chosen={then} options={places} onChosen={setThen} />
        </div>
      )}
      <label className="check">
        <input type="checkbox" checked={enabled} onChange={(event) => setEnabled(event.target.checked)} /> {t("notify.enabled")}
      </label>
    </FormDialog>
  );
}
