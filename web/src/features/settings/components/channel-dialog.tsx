/** A channel: where messages go. */
import { Save } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { useRights } from "@/lib/session";
import { Segmented } from "@/ui/basics";
import { FormDialog, Pick, Text, UnitPick } from "@/ui/form";
import { usePutChannel } from "../api";

type Config = Schemas["ChannelConfig"];
type Kind = Config["kind"];
const KINDS: readonly Kind[] = ["email", "webhook", "syslog", "telegram"];
const SECURITIES: readonly Schemas["MailSecurity"][] = ["start_tls", "tls", "none"];
const TRANSPORTS: readonly Schemas["SyslogTransport"][] = ["udp", "tcp"];
const FORMATS: readonly Schemas["SyslogFormat"][] = ["rfc5424", "cef"];
const LANGUAGES: readonly Schemas["Language"][] = ["vi", "en"];

/** All that any kind asks, as it is typed. */
interface Typed {
  server: string;
  port: string;
  security: Schemas["MailSecurity"];
  username: string;
  /** The password, the secret or the token. Empty keeps the one that is there. */
  secret: string;
  from: string;
  to: string;
  language: Schemas["Language"];
  url: string;
  transport: Schemas["SyslogTransport"];
  format: Schemas["SyslogFormat"];
  base_url: string;
  chat_id: string;
}

const EMPTY: Typed = { server: "", port: "", security: "start_tls", username: "", secret: "", from: "", to: "", language: "vi", url: "", transport: "udp", format: "rfc5424", base_url: "https://api.telegram.org", chat_id: "" };

function typed(config: Config | null | undefined): Typed {
  if (!config) return EMPTY;
  if (config.kind === "email") return { ...EMPTY, server: config.server, port: String(config.port), security: config.security, username: config.username ?? "", from: config.from, to: config.to.join("\n"), language: config.language ?? "vi" };
  if (config.kind === "webhook") return { ...EMPTY, url: config.url };
  if (config.kind === "syslog") return { ...EMPTY, server: config.server, port: String(config.port), transport: config.transport, format: config.format };
  return { ...EMPTY, base_url: config.base_url ?? EMPTY.base_url, chat_id: config.chat_id, language: config.language ?? "vi" };
}

const USUAL_PORT: Record<Schemas["MailSecurity"], number> = { none: 25, start_tls: 587, tls: 465 };

function asked(kind: Kind, form: Typed): Config {
  const server = form.server.trim();
  switch (kind) {
    case "email":
      return { kind, server, port: Number(form.port) || USUAL_PORT[form.security], security: form.security, username: form.username, password: form.secret, from: form.from.trim(), to: form.to.split(/[\s,;]+/).filter(Boolean), language: form.language };
    case "webhook":
      return { kind, url: form.url.trim(), secret: form.secret };
    case "syslog":
      return { kind, server, port: Number(form.port) || 514, transport: form.transport, format: form.format };
    case "telegram":
      return { kind, base_url: form.base_url.trim(), token: form.secret.trim(), chat_id: form.chat_id.trim(), language: form.language };
  }
}

function fits(config: Config, isNew: boolean): boolean {
  switch (config.kind) {
    case "email":
      return config.server !== "" && config.from.includes("@") && config.to.length > 0 && config.to.every((one) => one.includes("@"));
    case "webhook":
      return /^https?:\/\/./.test(config.url);
    case "syslog":
      return config.server !== "";
    case "telegram":
      return config.chat_id !== "" && (!isNew || !!config.token);
  }
}

export function ChannelDialog({ channel, onClose }: { channel: Schemas["ChannelBody"] | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const put = usePutChannel();
  const [name, setName] = useState(channel?.name ?? "");
  const [unit, setUnit] = useState(channel?.unit_id ?? user.unit_id);
  const [enabled, setEnabled] = useState(channel?.enabled ?? true);
  const [kind, setKind] = useState<Kind>(channel?.config?.kind ?? "email");
  const [form, setForm] = useState(() => typed(channel?.config));
  const change = (part: Partial<Typed>) => setForm({ ...form, ...part });
  const config = asked(kind, form);
  const isNew = channel?.config?.kind !== kind;
  const ready = name.trim() !== "" && fits(config, isNew);
  const options = <T extends string>(values: readonly T[], of: string) => values.map((value) => ({ value, label: t(`notify.${of}.${value}`) }));
  const secret = (label: string) => <Text label={label} hint={isNew ? undefined : t("notify.secretKept")} type="password" autoComplete="new-password" maxLength={1_024} value={form.secret} onText={(text) => change({ secret: text })} />;
  const server = <Text label={t("notify.server")} className="mono" maxLength={253} value={form.server} onText={(text) => change({ server: text })} />;
  const port = (usual: number) => <Text label={t("notify.port")} type="number" min={1} max={65_535} placeholder={String(usual)} value={form.port} onText={(text) => change({ port: text })} />;
  const language = <Pick label={t("notify.language")} value={form.language} options={LANGUAGES.map((value) => ({ value, label: t(`language.${value}`) }))} onPick={(value) => change({ language: value })} />;
  return (
    <FormDialog
      title={channel ? t("notify.edit", { name: channel.name }) : t("notify.addChannel")}
      submit={
        <>
          <Save aria-hidden /> {t("settings.save")}
        </>
      }
      ready={ready && !put.isPending}
      error={put.error}
      wide
      onSubmit={() => put.mutate({ id: channel?.id, name: name.trim(), unit_id: unit, enabled, config }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <div className="settings__grid">
        <Text label={t("notify.name")} maxLength={100} value={name} onText={setName} data-first />
        <UnitPick value={unit} onPick={setUnit} />
      </div>
      <Segmented legend={t("notify.kind")} value={kind} onChange={setKind} options={options(KINDS, "kinds")} />
      {kind === "email" && (
        <div className="settings__grid">
          {server}
          <Pick label={t("notify.security")} value={form.security} options={options(SECURITIES, "securities")} onPick={(security) => change({ security })} />
          {port(USUAL_PORT[form.security])}
          {language}
          <Text label={t("notify.username")} maxLength={200} value={form.username} onText={(username) => change({ username })} />
          {secret(t("session.password"))}
          <Text label={t("notify.from")} inputMode="email" maxLength={200} value={form.from} onText={(from) => change({ from })} />
          <Text label={t("notify.recipients")} hint={t("notify.recipientsHint")} inputMode="email" value={form.to} onText={(to) => change({ to })} />
        </div>
      )}
      {kind === "webhook" && (
        <>
          <Text label={t("notify.url")} className="mono" inputMode="url" maxLength={1_024} placeholder="https://…" value={form.url} onText={(url) => change({ url })} />
          {secret(t("notify.webhookSecret"))}
          <p className="muted">{t("notify.webhookText")}</p>
        </>
      )}
      {kind === "syslog" && (
        <div className="settings__grid">
          {server}
          {port(514)}
          <Pick label={t("notify.transport")} value={form.transport} options={options(TRANSPORTS, "transports")} onPick={(transport) => change({ transport })} />
          <Pick label={t("notify.format")} value={form.format} options={options(FORMATS, "formats")} onPick={(format) => change({ format })} />
        </div>
      )}
      {kind === "telegram" && (
        <div className="settings__grid">
          {secret(t("notify.botToken"))}
          <Text label={t("notify.chat")} className="mono" maxLength={128} value={form.chat_id} onText={(chat_id) => change({ chat_id })} />
          <Text label={t("notify.baseUrl")} className="mono" inputMode="url" maxLength={1_024} value={form.base_url} onText={(base_url) => change({ base_url })} />
          {language}
        </div>
      )}
      <label className="check">
        <input type="checkbox" checked={enabled} onChange={(event) => setEnabled(event.target.checked)} /> {t("notify.enabled")}
      </label>
    </FormDialog>
  );
}
