/** The evidence behind an alert, in tabs. */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Copy, Link2, Unlink } from "lucide-react";
import { Tabs } from "radix-ui";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { EVE, protocolParts, type EveRecord } from "@/lib/eve";
import { decodeBase64, hexDump, printable } from "@/lib/hex";
import { at, textAt } from "@/lib/json";
import { condition } from "@/lib/query";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, Empty, Failure, Loading, Segmented } from "@/ui/basics";
import { Fields } from "@/ui/fields";
import { Bytes } from "@/ui/packets/bytes";
import { Packets } from "@/ui/packets/packets";
import { RuleText, RuleWords } from "@/ui/rule-text";
import { useCopy } from "@/ui/value";
import { eventRuleQuery, explanationQuery } from "../api";
import { DETAIL_TABS } from "../route";

type Tab = (typeof DETAIL_TABS)[number];

interface EvidenceProps {
  eventId: string;
  analyst: boolean;
  tab: Tab;
  onTab: (tab: Tab) => void;
  event: UseQueryResult<EveRecord>;
  rule: string | undefined;
  history: Schemas["HistoryEntry"][];
  onHunt: (q: string) => void;
}

export function Evidence({ eventId, analyst, tab, onTab, event, rule, history, onHunt }: EvidenceProps) {
  const { t } = useTranslation();
  const ofEvent = (show: (record: EveRecord) => ReactNode) => {
    if (event.isError) return <Failure small error={event.error} retry={() => void event.refetch()} />;
    if (!event.data) return <Loading rows={5} />;
    return show(event.data);
  };
  return (
    <section className="card" aria-label={t("evidence.title")}>
      <Tabs.Root value={tab} onValueChange={(value) => onTab(DETAIL_TABS.find((one) => one === value) ?? "protocol")}>
        <Tabs.List className="tabs__list" aria-label={t("evidence.title")}>
          {DETAIL_TABS.map((one) => (
            <Tabs.Trigger key={one} value={one} className="tabs__tab">
              {t(`evidence.${one}`)}
              {one === "history" && history.length > 0 && <span className="tabs__count">{history.length}</span>}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="protocol" className="card__body">
          {ofEvent((record) => (
            <Protocol record={record} onHunt={onHunt} />
          ))}
        </Tabs.Content>
        <Tabs.Content value="payload" className="card__body">
          {ofEvent((record) => (
            <Payload eventId={eventId} record={record} />
          ))}
        </Tabs.Content>
        <Tabs.Content value="packets" className="card__body">
          <Packets key={eventId} eventId={eventId} analyst={analyst} />
        </Tabs.Content>
        <Tabs.Content value="rule" className="card__body">
          <Rule eventId={eventId} known={rule} />
        </Tabs.Content>
        <Tabs.Content value="json" className="card__body">
          {ofEvent((record) => (
            <Code text={JSON.stringify(record, null, 2)} />
          ))}
        </Tabs.Content>
        <Tabs.Content value="history" className="card__body">
          <History entries={history} />
        </Tabs.Content>
      </Tabs.Root>
    </section>
  );
}

function Code({ text }: { text: string }) {
  const { t } = useTranslation();
  const copy = useCopy();
  return (
    <div className="evidence__code">
      <Button size="small" onClick={() => copy(text)}>
        <Copy aria-hidden /> {t("value.copy")}
      </Button>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <pre className="code" tabIndex={0}>
        {text}
      </pre>
    </div>
  );
}

function Protocol({ record, onHunt }: { record: EveRecord; onHunt: (q: string) => void }) {
  const { t } = useTranslation();
  const parts = protocolParts(record);
  const hunt = (field: string, value: string) => onHunt(condition(field, value));
  const flow = at(record, "flow");
  return (
    <div className="evidence__parts">
      {parts.length === 0 && <p className="muted">{t("evidence.noProtocol")}</p>}
      {parts.map(([name, fields]) => (
        <div key={name}>
          <h3>{name.toUpperCase()}</h3>
          <Fields record={fields} prefix={name} onHunt={hunt} />
        </div>
      ))}
      {flow && (
        <div>
          <h3>{t("evidence.flow")}</h3>
          <Fields record={flow} prefix="flow" onHunt={hunt} />
        </div>
      )}
      <div>
        <h3>{t("evidence.alert")}</h3>
        <Fields record={at(record, "alert") ?? null} prefix="alert" onHunt={hunt} />
      </div>
    </div>
  );
}

/** What came with the alert, with what the rule looks for marked. */
function Payload({ eventId, record }: { eventId: string; record: EveRecord }) {
  const { t } = useTranslation();
  const copy = useCopy();
  const [shown, setShown] = useState<"payload" | "packet">("payload");
  const [form, setForm] = useState<"hex" | "text">("hex");
  const rule = useQuery(eventRuleQuery(eventId));
  const payload = textAt(record, EVE.payload);
  const packet = textAt(record, EVE.packet);
  if (!payload && !packet) return <Empty small title={t("evidence.noPayload")} />;
  const part = shown === "payload" && payload ? "payload" : packet ? "packet" : "payload";
  const content = decodeBase64((part === "payload" ? payload : packet) ?? "");
  const marks = rule.data?.[part] ?? [];
  return (
    <div className="evidence__parts">
      <div className="evidence__choice">
        {payload && packet && (
          <Segmented legend={t("evidence.payload")} value={shown} onChange={setShown} options={[{ value: "payload", label: t("evidence.streamData") }, { value: "packet", label: t("evidence.packet") }]} />
        )}
        <Segmented legend={t("evidence.form")} value={form} onChange={setForm} options={[{ value: "hex", label: "Hex" }, { value: "text", label: t("evidence.text") }]} />
        <span className="muted">{t("evidence.bytes", { count: content.length })}</span>
        {marks.length > 0 && <span className="muted">{t("packets.marked")}</span>}
        <span className="spring" />
        <Button size="small" onClick={() => copy(form === "hex" ? hexDump(content) : printable(content))}>
          <Copy aria-hidden /> {t("value.copy")}
        </Button>
      </div>
      <Bytes content={content} marks={marks} form={form} label={t("evidence.payload")} />
    </div>
  );
}

/** The rule with its conditions in words; `known` is its text where the alert itself leads to none. */
function Rule({ eventId, known }: { eventId: string; known: string | undefined }) {
  const { t, i18n } = useTranslation();
  const copy = useCopy();
  const rule = useQuery(eventRuleQuery(eventId));
  const words = useQuery({ ...explanationQuery(eventId, i18n.language === "en" ? "en" : "vi"), enabled: rule.data !== null && rule.data !== undefined });
  if (rule.isPending) return <Loading rows={5} />;
  const text = rule.data?.text ?? known;
  if (!text) return rule.isError ? <Failure small error={rule.error} retry={() => void rule.refetch()} /> : <Empty small title={t("evidence.noRule")} />;
  return (
    <div className="evidence__parts">
      <div>
        <h3>{t("ruleWords.title")}</h3>
        {words.data ? <RuleWords told={words.data} /> : words.isLoading ? <Loading rows={3} /> : words.isError ? <Failure small error={words.error} retry={() => void words.refetch()} /> : <p className="muted">{t("ruleWords.none")}</p>}
      </div>
      <div className="evidence__code">
        <Button size="small" onClick={() => copy(text)}>
          <Copy aria-hidden /> {t("value.copy")}
        </Button>
        <RuleText text={text} />
      </div>
    </div>
  );
}

function History({ entries }: { entries: Schemas["HistoryEntry"][] }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  if (entries.length === 0) return <Empty small title={t("history.none")} />;
  const broken = entries.some((entry) => !entry.intact);
  return (
    <>
    {broken && <p className="note note--bad" role="alert">{t("history.brokenNote")}</p>}
    <ol className="history">
      {entries.map((entry, index) => (
        <li key={`${entry.at}-${index}`}>
          <span className="tabular muted nowrap">{dateTime(entry.at, zone)}</span>
          <span>
            <strong>{entry.user ?? t("history.system")}</strong> {t(`history.${entry.action}`)}
            {entry.verdict && (
              <>
                {": "}
                <span className="tag">{t(`verdict.${entry.verdict}`)}</span>
              </>
            )}
            {(entry.reason ?? entry.comment) && <q>{entry.reason ?? entry.comment}</q>}
          </span>
          <span className="spring" />
          {entry.hash && (
            <span className={`tag mono ${entry.intact ? "" : "tag--bad"}`} title={`${t(entry.intact ? "history.intact" : "history.broken")} · ${entry.address}`}>
              {entry.intact ? <Link2 aria-hidden /> : <Unlink aria-hidden />}
              <span className="hidden">{t(entry.intact ? "history.intact" : "history.broken")}</span>
              {entry.hash.slice(0, 8)}
            </span>
          )}
        </li>
      ))}
    </ol>
    </>
  );
}
