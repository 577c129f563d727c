/** Whom to tell what: channels, conditions, and the queue of messages. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { BellPlus, Megaphone, RotateCw, Send } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { isObject } from "@/lib/json";
import { usePolling } from "@/lib/presence";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty, Segmented, Severity, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { Sure } from "@/ui/form";
import { Listing } from "@/ui/listing";
import { channelsQuery, outboxQuery, tellingQuery, useDeleteChannel, useDeleteTelling, useRetryMessage, useTestChannel } from "../api";
import { MESSAGES } from "../route";
import { ChannelDialog } from "./channel-dialog";
import { EditAndDelete } from "./parts";
import { TellingDialog } from "./telling-dialog";

type Channel = Schemas["ChannelBody"];
type Rule = Schemas["RuleBody"];
const STATES = ["", ...MESSAGES] as const;
const route = getRouteApi("/signed-in/settings");

export function Notifications() {
  return (
    <>
      <Channels />
      <Rules />
      <Outbox />
    </>
  );
}

function Off() {
  const { t } = useTranslation();
  return <span className="tag tag--warn">{t("notify.off")}</span>;
}

/** Where a channel leads, in a word. */
function place(channel: Channel): string {
  const { config } = channel;
  if (!config) return "";
  if (config.kind === "email") return config.to.join(", ");
  if (config.kind === "webhook") return config.url;
  if (config.kind === "syslog") return `${config.server}:${config.port}/${config.transport}`;
  return config.chat_id;
}

function Channels() {
  const { t } = useTranslation();
  const problem = useProblemText();
  const { administrator } = useRights();
  const channels = useQuery(channelsQuery);
  const test = useTestChannel();
  const remove = useDeleteChannel();
  const [editing, setEditing] = useState<Channel | "new">();
  const [removing, setRemoving] = useState<Channel>();
  return (
    <Card
      title={t("notify.channels")}
      bare
      aside={
        administrator && (
          <Button look="primary" size="small" onClick={() => setEditing("new")}>
            <Megaphone aria-hidden /> {t("notify.addChannel")}
          </Button>
        )
      }
    >
      <Listing
        caption={t("notify.channels")}
        name="channels"
        query={channels}
        items={channels.data}
        rowKey={(channel) => channel.id}
        columns={[
          {
            head: t("notify.name"),
            value: (channel) => channel.name,
            cell: (channel) => (
              <>
                {channel.name} {!channel.enabled && <Off />}
              </>
            ),
          },
          { head: t("notify.kind"), value: (channel) => (channel.config ? t(`notify.kinds.${channel.config.kind}`) : t("notify.otherVersion")) },
          { head: t("notify.place"), value: place, cell: (channel) => <span className="mono settings__wrap">{place(channel)}</span> },
        ]}
        actions={
          administrator
            ? (channel) => (
                <>
                  <Button size="small" aria-label={`${t("notify.test")}: ${channel.name}`} onClick={() => test.mutate(channel.id, { onSuccess: () => toast({ text: t("notify.tested") }), onError: (error) => toast({ text: problem(error), bad: true }) })}>
                    <Send aria-hidden /> {t("notify.test")}
                  </Button>
                  <EditAndDelete name={channel.name} onEdit={() => setEditing(channel)} onDelete={() => setRemoving(channel)} />
                </>
              )
            : undefined
        }
        empty={
          <Empty small title={t("notify.noChannels")} icon={Megaphone}>
            <p>{t("notify.channelsText")}</p>
          </Empty>
        }
      />
      {editing && <ChannelDialog channel={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Sure
          title={t("notify.delete", { name: removing.name })}
          text={t("notify.deleteChannelText")}
          action={t("notify.remove")}
          error={remove.error}
          onYes={() => remove.mutate(removing.id, { onSuccess: () => setRemoving(undefined) })}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </Card>
  );
}

function Rules() {
  const { t } = useTranslation();
  const { administrator } = useRights();
  const rules = useQuery(tellingQuery);
  const channels = useQuery(channelsQuery);
  const remove = useDeleteTelling();
  const [editing, setEditing] = useState<Rule | "new">();
  const [removing, setRemoving] = useState<Rule>();
  const when = ({ digest_minutes, quiet, escalation }: Schemas["RuleConfig"]) => [
    digest_minutes ? t("notify.digested", { count: digest_minutes }) : t("notify.atOnce"),
    ...(quiet ? [t("notify.quietFromTo", { from: quiet.from, to: quiet.to })] : []),
    ...(escalation ? [t("notify.escalated", { count: escalation.after_minutes, names: names(escalation.channels) })] : []),
  ];
  const names = (ids: readonly number[]) => ids.map((id) => channels.data?.find((channel) => channel.id === id)?.name ?? `#${id}`).join(", ");
  return (
    <Card
      title={t("notify.rules")}
      bare
      aside={
        administrator && (
          <Button look="primary" size="small" disabled={!channels.data?.length} onClick={() => setEditing("new")}>
            <BellPlus aria-hidden /> {t("notify.addRule")}
          </Button>
        )
      }
    >
      <Listing
        caption={t("notify.rules")}
        name="conditions"
        query={rules}
        items={rules.data}
        rowKey={(rule) => rule.id}
        columns={[
          {
            head: t("notify.name"),
            value: (rule) => rule.name,
            cell: (rule) => (
              <>
                {rule.name} {!rule.enabled && <Off />}
              </>
            ),
          },
          {
            head: t("notify.about"),
            value: ({ config }) => config && [...config.about.map((one) => t(`notify.told.${one}`)), t(`severity.${config.severity}`), config.text, ...(config.sids ?? [])].filter(Boolean).join(", "),
            cell: ({ config }) => (config ? <About config={config} /> : t("notify.otherVersion")),
          },
          { head: t("notify.to"), value: ({ config }) => config && names(config.channels) },
          {
            head: t("notify.when"),
            value: ({ config }) => config && when(config).join("; "),
            cell: ({ config }) => config && when(config).map((line) => <div key={line}>{line}</div>),
          },
        ]}
        actions={administrator ? (rule) => <EditAndDelete name={rule.name} onEdit={() => setEditing(rule)} onDelete={() => setRemoving(rule)} /> : undefined}
        empty={
          <Empty small title={t("notify.noRules")} icon={BellPlus}>
            <p>{t(channels.data?.length ? "notify.rulesText" : "notify.channelFirst")}</p>
          </Empty>
        }
      />
      {editing && <TellingDialog rule={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Sure
          title={t("notify.delete", { name: removing.name })}
          text={t("notify.deleteRuleText")}
          action={t("notify.remove")}
          error={remove.error}
          onYes={() => remove.mutate(removing.id, { onSuccess: () => setRemoving(undefined) })}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </Card>
  );
}

function About({ config }: { config: Schemas["RuleConfig"] }) {
  const { t } = useTranslation();
  return (
    <>
      {config.about.map((one) => t(`notify.told.${one}`)).join(", ")} <Severity level={config.severity} /> {t("notify.orWorse")}
      {config.text && <div className="muted">“{config.text}”</div>}
      {!!config.sids?.length && <div className="muted">sid {config.sids.join(", ")}</div>}
      {!!config.alarms?.length && <div className="muted">{config.alarms.map((kind) => t(`alarms.kind.${kind}`)).join(", ")}</div>}
    </>
  );
}

/** What a message tells, in a line. */
function useLine(): (item: unknown) => string {
  const { t } = useTranslation();
  return (item) => {
    if (!isObject(item)) return "";
    const word = (name: string) => String(item[name] ?? "");
    if (item.type === "alert") return `${item.escalated ? `${t("notify.nobody")}: ` : ""}${word("signature")} · ${word("source")} → ${word("destination")}`;
    if (item.type === "alarm") return `${t(`alarms.kind.${word("kind")}`)} · ${item.sensor ? word("sensor") : t("alarms.collector")}${item.over ? ` · ${t("notify.over")}` : ""}`;
    return t("notify.testMessage", { name: word("by") });
  };
}

function Outbox() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const { analyst } = useRights();
  const problem = useProblemText();
  const line = useLine();
  const { messages: state = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const outbox = useInfiniteQuery(outboxQuery(state));
  const retry = useRetryMessage();
  usePolling(() => void outbox.refetch(), 10_000);
  const rows = outbox.data?.pages.flatMap((page) => page.items) ?? [];
  const look: Record<string, string> = { sent: "tag--good", failed: "tag--bad", waiting: "" };
  return (
    <Card title={t("notify.outbox")} bare className="outbox" aside={<Segmented legend={t("settings.state")} value={state} onChange={(to) => void navigate({ search: (before) => ({ ...before, messages: to || undefined }), replace: true })} options={STATES.map((one) => ({ value: one, label: t(`notify.state.${one || "any"}`) }))} />}>
      <Listing
        caption={t("notify.outbox")}
        name="messages"
        query={outbox}
        items={rows}
        rows={3}
        rowKey={(row) => row.id}
        columns={[
          {
            head: t("settings.state"),
            value: (row) => t(`notify.state.${row.state}`),
            cell: (row) => (
              <>
                <span className={`tag ${look[row.state] ?? ""}`}>{t(`notify.state.${row.state}`)}</span>
                {row.attempts > 1 && <div className="muted">{t("notify.attempts", { count: row.attempts })}</div>}
              </>
            ),
          },
          {
            head: t("notify.made"),
            value: (row) => row.created,
            cell: (row) => (
              <span className="tabular nowrap">
                {dateTime(row.created, zone)}
                {row.state === "waiting" && <div className="muted">{t("notify.due", { time: dateTime(row.due, zone) })}</div>}
              </span>
            ),
          },
          { head: t("notify.channel"), value: (row) => row.channel_name },
          {
            head: t("notify.message"),
            value: (row) => [...row.items.map(line), row.last_error].filter(Boolean).join("; "),
            cell: (row) => (
              <div className="settings__wrap">
                {row.items.slice(0, 3).map((item, index) => (
                  <div key={index}>{line(item)}</div>
                ))}
                {row.items.length > 3 && <div className="muted">{t("notify.andMore", { count: row.items.length - 3 })}</div>}
                {row.last_error && <div className="field__error">{row.last_error}</div>}
              </div>
            ),
          },
        ]}
        actions={
          analyst
            ? (row) =>
                row.state !== "sent" && (
                  <Button size="small" onClick={() => retry.mutate(row.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
                    <RotateCw aria-hidden /> {t("notify.retry")}
                  </Button>
                )
            : undefined
        }
        empty={<Empty small title={t("notify.noMessages")} icon={Send} />}
      />
      {outbox.hasNextPage && (
        <p className="card__body">
          <Button onClick={() => void outbox.fetchNextPage()}>{t("quarantine.more")}</Button>
        </p>
      )}
    </Card>
  );
}
