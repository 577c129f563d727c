/** Where old days go: a folder of the collector, or storage that speaks S3. */
import { useQuery } from "@tanstack/react-query";
import { PlugZap, Save } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { Button, Failure, Loading, Segmented } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Fault, FormDialog, Text } from "@/ui/form";
import { archiveSettingsQuery, useSetArchive, useTryArchive } from "../api";

type Site = Schemas["ArchiveSite"];
const KINDS: readonly Site["kind"][] = ["folder", "s3"];
/** A hundred years. */
const MOST_DAYS = 36_500;
/** Days that are kept, as they are written: nothing is for ever. */
const kept = (text: string) => (text === "" ? null : Number(text));
const isKept = (text: string) => text === "" || (Number.isInteger(Number(text)) && Number(text) >= 1 && Number(text) <= MOST_DAYS);
const EMPTY = { path: "", endpoint: "", bucket: "", prefix: "", region: "us-east-1", key_id: "", secret: "" };

export function ArchiveDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const settings = useQuery(archiveSettingsQuery);
  if (settings.data && settings.isFetchedAfterMount) return <Form before={settings.data} onClose={onClose} />;
  return (
    <Dialog title={t("archive.set")} wide onClose={onClose} onSubmit={onClose} actions={<Button onClick={onClose}>{t("common.cancel")}</Button>}>
      {settings.isError ? <Failure small error={settings.error} retry={() => void settings.refetch()} /> : <Loading rows={5} />}
    </Dialog>
  );
}

function Form({ before, onClose }: { before: Schemas["ArchiveSettingsBody"]; onClose: () => void }) {
  const { t } = useTranslation();
  const known = before.settings.site;
  const [enabled, setEnabled] = useState(before.settings.enabled ?? false);
  const [kind, setKind] = useState<Site["kind"]>(known?.kind ?? "folder");
  const [form, setForm] = useState({ ...EMPTY, ...known, secret: "" });
  const [gigabytes, setGigabytes] = useState(String(before.settings.recall_gigabytes ?? 20));
  const [alertsDays, setAlertsDays] = useState(String(before.settings.alerts_days ?? ""));
  const [recordsDays, setRecordsDays] = useState(String(before.settings.records_days ?? ""));
  const set = useSetArchive();
  const attempt = useTryArchive();
  const change = (part: Partial<typeof EMPTY>) => {
    attempt.reset();
    setForm({ ...form, ...part });
  };
  const { path, ...s3 } = form;
  const site: Site =
    kind === "folder"
      ? { kind, path: path.trim() }
      : { kind, endpoint: s3.endpoint.trim(), bucket: s3.bucket.trim(), prefix: s3.prefix.trim(), region: s3.region.trim(), key_id: s3.key_id.trim(), secret: s3.secret.trim() };
  const isNew = known?.kind !== "s3" || known.endpoint !== s3.endpoint.trim() || known.key_id !== s3.key_id.trim();
  const fits = site.kind === "folder" ? site.path.startsWith("/") : /^https?:\/\/./.test(site.endpoint) && site.bucket !== "" && site.key_id !== "" && (!isNew || !!site.secret);
  const most = Number(gigabytes);
  const ready = (fits || !enabled) && gigabytes !== "" && Number.isInteger(most) && most >= 0 && isKept(alertsDays) && isKept(recordsDays);
  const tried = attempt.data;
  const text = (name: keyof typeof EMPTY, label: string, hint?: string, placeholder?: string) => (
    <Text label={label} hint={hint} className="mono" maxLength={1_024} placeholder={placeholder} value={form[name]} onText={(value) => change({ [name]: value })} />
  );
  return (
    <FormDialog
      title={t("archive.set")}
      wide
      submit={
        <>
          <Save aria-hidden /> {t("settings.save")}
        </>
      }
      ready={ready && !set.isPending}
      error={set.error}
      onSubmit={() => set.mutate({ enabled, site: fits ? site : null, recall_gigabytes: most, alerts_days: kept(alertsDays), records_days: kept(recordsDays) }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <label className="check">
        <input type="checkbox" data-first checked={enabled} onChange={(event) => setEnabled(event.target.checked)} /> {t("archive.enabled")}
      </label>
      <p className="muted">{t("archive.text")}</p>
      {!enabled && before.settings.enabled && <p className="note">{t("archive.offWarning")}</p>}
      <Segmented legend={t("archive.kind")} value={kind} onChange={(value) => { attempt.reset(); setKind(value); }} options={KINDS.map((value) => ({ value, label: t(`archive.kinds.${value}`) }))} />
      {kind === "folder" ? (
        text("path", t("archive.path"), before.folders.length > 0 ? t("archive.folders", { folders: before.folders.join(", ") }) : t("archive.noFolders"), before.folders[0])
      ) : (
        <div className="settings__grid">
          {text("endpoint", t("archive.endpoint"), undefined, "https://storage.example.vn:9000")}
          {text("bucket", t("archive.bucket"))}
          {text("prefix", t("archive.prefix"), t("archive.prefixHint"))}
          {text("region", t("archive.region"))}
          {text("key_id", t("archive.keyId"))}
          <Text label={t("archive.secret")} hint={isNew ? undefined : t("notify.secretKept")} type="password" autoComplete="new-password" maxLength={1_024} value={form.secret} onText={(secret) => change({ secret })} />
        </div>
      )}
      <div className="settings__tools">
        <Button onClick={() => attempt.mutate(site)} disabled={!fits || attempt.isPending}>
          <PlugZap aria-hidden /> {t("archive.try")}
        </Button>
        {attempt.isPending && <span role="status">{t("common.loading")}</span>}
      </div>
      <div role="status">
        {tried?.works && <p className="note note--good">{t("archive.works")}</p>}
        {tried && !tried.works && (
          <p className="note note--bad settings__wrap">
            {t(`archive.fault.${tried.code ?? "other"}`, { defaultValue: tried.code ?? "" })} <span className="mono">{tried.reason}</span>
          </p>
        )}
      </div>
      <Fault error={attempt.error} />
      <Text label={t("archive.gigabytes")} hint={t("archive.gigabytesHint")} type="number" min={0} max={1_000_000} value={gigabytes} onText={setGigabytes} />
      <div className="settings__grid">
        <Text label={t("archive.alertsDays")} hint={t("archive.daysHint")} type="number" min={1} max={MOST_DAYS} value={alertsDays} onText={setAlertsDays} />
        <Text label={t("archive.recordsDays")} hint={t("archive.daysHint")} type="number" min={1} max={MOST_DAYS} value={recordsDays} onText={setRecordsDays} />
      </div>
    </FormDialog>
  );
}
