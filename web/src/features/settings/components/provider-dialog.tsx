/** The provider of OpenID Connect through which people sign in. */
import { useQuery } from "@tanstack/react-query";
import { PlugZap, Plus, Save, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { ROLES, useRights } from "@/lib/session";
import { Button, Failure, IconButton, Loading } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Fault, FormDialog, Pick, Text, UnitPick } from "@/ui/form";
import { providerQuery, useSetProvider, useTryProvider } from "../api";

type Settings = Required<Schemas["ProviderSettings"]>;
const CALLBACK = "/api/v1/session/provider/callback";

export function ProviderDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const provider = useQuery(providerQuery);
  if (provider.data && provider.isFetchedAfterMount) return <Form before={provider.data as Settings} onClose={onClose} />;
  return (
    <Dialog title={t("provider.title")} wide onClose={onClose} onSubmit={onClose} actions={<Button onClick={onClose}>{t("common.cancel")}</Button>}>
      {provider.isError ? <Failure small error={provider.error} retry={() => void provider.refetch()} /> : <Loading rows={5} />}
    </Dialog>
  );
}

function Form({ before, onClose }: { before: Settings; onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const [form, setForm] = useState<Settings>({ ...before, origin: before.origin || location.origin });
  const set = useSetProvider();
  const attempt = useTryProvider();
  const change = (part: Partial<Settings>) => {
    attempt.reset();
    setForm({ ...form, ...part });
  };
  const isNew = before.issuer !== form.issuer || before.client_id !== form.client_id;
  const fits = form.issuer !== "" && form.client_id !== "" && form.origin !== "" && form.label.trim() !== "" && (!isNew || form.secret !== "");
  const text = (name: "label" | "issuer" | "client_id" | "origin" | "name_claim" | "role_claim", hint?: string, placeholder?: string) => (
    <Text label={t(`provider.${name}`)} hint={hint} className={name === "label" ? undefined : "mono"} maxLength={1_024} placeholder={placeholder} value={form[name]} onText={(value) => change({ [name]: name === "label" ? value : value.trim() })} />
  );
  const place = (at: number, part: Partial<Settings["places"][number]>) => change({ places: form.places.map((one, other) => (other === at ? { ...one, ...part } : one)) });
  const tried = attempt.data;
  return (
    <FormDialog
      title={t("provider.title")}
      wide
      submit={
        <>
          <Save aria-hidden /> {t("settings.save")}
        </>
      }
      ready={(fits || !form.enabled) && !set.isPending}
      error={set.error}
      onSubmit={() => set.mutate(form, { onSuccess: onClose })}
      onClose={onClose}
    >
      <label className="check">
        <input type="checkbox" data-first checked={form.enabled} onChange={(event) => change({ enabled: event.target.checked })} /> {t("provider.enabled")}
      </label>
      <p className="muted">{t("provider.text")}</p>
      <div className="settings__grid">
        {text("label", t("provider.labelHint"))}
        {text("issuer", undefined, "https://id.example.vn/realms/tinh")}
        {text("client_id")}
        <Text label={t("provider.secret")} hint={isNew ? undefined : t("notify.secretKept")} type="password" autoComplete="new-password" maxLength={1_024} value={form.secret} onText={(secret) => change({ secret })} />
        {text("origin", t("provider.originHint", { address: `${form.origin}${CALLBACK}` }))}
        {text("name_claim", t("provider.nameHint"))}
      </div>
      <div className="settings__tools">
        <Button onClick={() => attempt.mutate(form)} disabled={!fits || attempt.isPending}>
          <PlugZap aria-hidden /> {t("provider.try")}
        </Button>
        {attempt.isPending && <span role="status">{t("common.loading")}</span>}
      </div>
      <div role="status">
        {tried?.works && <p className="note note--good">{t("provider.works")}</p>}
        {tried && !tried.works && (
          <div className="note note--bad settings__wrap">
            <p>{t(`provider.tried.${tried.code ?? "other"}`, { defaultValue: t("provider.tried.other") })}</p>
            {tried.reason && (
              <details>
                <summary>{t("provider.technical")}</summary>
                <p className="mono">{tried.reason}</p>
              </details>
            )}
          </div>
        )}
      </div>
      <Fault error={attempt.error} />
      <label className="check">
        <input type="checkbox" checked={form.creates} onChange={(event) => change({ creates: event.target.checked })} /> {t("provider.creates")}
      </label>
      <p className="muted">{t("provider.createsText")}</p>
      {form.creates && (
        <>
          {text("role_claim", t("provider.roleHint"), "groups")}
          {form.places.map((one, at) => (
            <div className="settings__grid settings__inset" key={at}>
              <Text label={t("provider.value")} className="mono" maxLength={1_024} value={one.value} onText={(value) => place(at, { value })} />
              <Pick label={t("account.role")} value={one.role} options={ROLES.map((value) => ({ value: value as string, label: t(`role.${value}`) }))} onPick={(role) => place(at, { role })} />
              <UnitPick value={one.unit_id} onPick={(unit_id) => place(at, { unit_id })} />
              <IconButton look="quiet" label={t("provider.removePlace")} onClick={() => change({ places: form.places.filter((_, other) => other !== at) })}>
                <Trash2 aria-hidden />
              </IconButton>
            </div>
          ))}
          <div>
            <Button onClick={() => change({ places: [...form.places, { value: "", role: "viewer", unit_id: user.unit_id }] })}>
              <Plus aria-hidden /> {t("provider.addPlace")}
            </Button>
          </div>
        </>
      )}
    </FormDialog>
  );
}
