/** What the newest version changes against the one that sensors run, and publishing it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { RadioTower } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { useRights } from "@/lib/session";
import { Button, buttonClass, Card, Empty, Failure, Loading, useProblemText } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { diffQuery, usePublish, type Feed, type RuleChange } from "../api";

const TONES: Record<string, string> = { added: "tag--good", enabled: "tag--good", removed: "tag--bad", disabled: "tag--bad", changed: "tag--warn" };

export function Changes({ feed }: { feed: Feed }) {
  const { t, i18n } = useTranslation();
  const { administrator } = useRights();
  const [newest, published] = [feed.newest ?? undefined, feed.everywhere ?? undefined];
  const diff = useQuery(diffQuery(feed.set_id, published, newest));
  if (newest === undefined) return <Empty title={t("feeds.noVersion")} />;
  if (newest === published) return <Empty title={t("feeds.nothingWaits", { number: newest })} />;
  if (diff.isPending) return <Loading rows={8} />;
  if (diff.isLoadingError) return <Failure error={diff.error} retry={() => void diff.refetch()} />;
  const { rules, lists, cut, ...counts } = diff.data ?? { rules: [], lists: [], cut: false, added: 0, removed: 0, changed: 0, enabled: 0, disabled: 0 };
  return (
    <div className="feeds__runs">
      <Card title={published === undefined ? t("feeds.firstVersion", { number: newest }) : t("feeds.between", { from: published, to: newest })}>
        <p className="feeds__counts">
          {(["added", "removed", "changed", "enabled", "disabled"] as const).map((kind) => (
            <span key={kind} className={`tag ${counts[kind] > 0 ? TONES[kind] : ""}`}>
              {t(`feeds.change.${kind}`)}: {number(counts[kind], i18n.language)}
            </span>
          ))}
          {lists.map((list) => (
            <span key={list.name} className="tag">
              {list.name}: +{number(list.added, i18n.language)} −{number(list.removed, i18n.language)}
            </span>
          ))}
        </p>
        {administrator ? <PublishForm key={newest} feed={feed} version={newest} /> : <p className="note">{t("bench.administratorPublishes")}</p>}
      </Card>
      <Card title={t("feeds.changedRules")} bare>
        <SortedTable
          caption={t("feeds.changedRules")}
          name="feed-changes"
          items={rules}
          rowKey={(rule) => `${rule.gid}:${rule.sid}`}
          columns={[
            { head: t("feeds.what"), value: (rule) => t(`feeds.change.${rule.kind}`, { defaultValue: rule.kind }), cell: (rule) => <span className={`tag ${TONES[rule.kind] ?? ""}`}>{t(`feeds.change.${rule.kind}`, { defaultValue: rule.kind })}</span> },
            { head: "SID", value: (rule) => rule.sid, cell: (rule) => <span className="mono">{rule.gid === 1 ? rule.sid : `${rule.gid}:${rule.sid}`}</span>, numeric: true },
            { head: t("feeds.message"), value: (rule) => rule.msg, cell: (rule) => <Texts rule={rule} /> },
          ]}
          empty={<Empty small title={t("feeds.noRuleChanges")} />}
        />
        {cut && <p className="muted feeds__cut">{t("feeds.cut")}</p>}
      </Card>
    </div>
  );
}

/** The message; the rule before and after on demand. */
function Texts({ rule }: { rule: RuleChange }) {
  const { t } = useTranslation();
  return (
    <details>
      <summary>{rule.msg || t("feeds.noMessage")}</summary>
      {rule.before && (
        <p className="mono feeds__text">
          <span className="muted">{t("feeds.before")}</span> {rule.before}
        </p>
      )}
      {rule.after && (
        <p className="mono feeds__text">
          <span className="muted">{t("feeds.after")}</span> {rule.after}
        </p>
      )}
    </details>
  );
}

function PublishForm({ feed, version }: { feed: Feed; version: number }) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const publish = usePublish(feed.set_id);
  const [why, setWhy] = useState("");
  return (
    <form
      className="feeds__publish"
      onSubmit={(event) => {
        event.preventDefault();
        publish.mutate({ number: version, why }, { onSuccess: () => toast({ text: t("bench.ordered") }) });
      }}
    >
      <div className="field feeds__why">
        <label htmlFor={id}>{t("bench.why")}</label>
        <input id={id} className="input" maxLength={500} autoComplete="off" value={why} onChange={(event) => setWhy(event.target.value)} />
      </div>
      <Button look="primary" type="submit" disabled={why.trim() === "" || publish.isPending}>
        <RadioTower aria-hidden /> {t("feeds.publishAll", { unit: feed.unit_name })}
      </Button>
      <Link to="/rule-sets/$set" params={{ set: String(feed.set_id) }} search={{ tab: "publish" }} className={buttonClass()}>
        {t("feeds.publishOne")}
      </Link>
      {publish.error && (
        <p className="field__error" role="alert">
          {problem(publish.error)}
        </p>
      )}
    </form>
  );
}
