/** One rule set: written, tried on captures, held against what is published, kept, and published. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useBlocker } from "@tanstack/react-router";
import { ArrowLeft, GitCommitVertical, Save } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { useKeys } from "@/lib/keys";
import { useRights } from "@/lib/session";
import { Button, buttonClass, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { Unready } from "@/ui/unready";
import { ruleQuery, setQuery, useSaveDraft } from "./api";
import { Differences } from "./components/differences";
import { KeepDialog } from "./components/keep-dialog";
import { Publish } from "./components/publish";
import { Trial } from "./components/trial";
import { Versions } from "./components/versions";
import { Write } from "./components/write";
import { placeOfRule } from "./place";
import { BENCH_TABS } from "./route";
import "./bench.css";

const route = getRouteApi("/signed-in/rule-sets/$set");

export function RuleSetPage() {
  const id = Number(route.useParams().set);
  const { t } = useTranslation();
  const found = useQuery(setQuery(id));
  if (!found.data) return <Unready title={t("bench.sets")} back={<Back />} found={found} />;
  return <Bench key={id} content={found.data} />;
}

function Back() {
  const { t } = useTranslation();
  return (
    <Link to="/rule-sets" className={buttonClass("quiet")} aria-label={t("bench.back")}>
      <ArrowLeft aria-hidden />
    </Link>
  );
}

function Bench({ content }: { content: Schemas["RuleSetContent"] }) {
  const { t } = useTranslation();
  const { set, versions } = content;
  // What a source writes has no draft.
  const tabs = set.fed_by ? (["versions", "publish"] as const) : BENCH_TABS;
  const { tab: asked = "edit", sid, add } = route.useSearch();
  const tab = tabs.find((one) => one === asked) ?? tabs[0];
  const navigate = route.useNavigate();
  const { author } = useRights();
  const problem = useProblemText();
  // What is written here, and the draft that it began with.
  const [text, setText] = useState(content.draft);
  const [base, setBase] = useState({ revision: set.revision, draft: content.draft });
  const [keeping, setKeeping] = useState(false);
  const save = useSaveDraft(set.id);
  const dirty = text !== base.draft;
  useEffect(() => {
    document.title = `${set.name} – Mắt Lưới`;
  }, [set.name]);
  useBlocker({ shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname && !window.confirm(t("bench.leave")), enableBeforeUnload: dirty });
  const saving = (then?: () => void) =>
    save.mutate(
      { revision: base.revision, text },
      {
        onSuccess: ({ revision }) => {
          setBase({ revision, draft: text });
          if (then) then();
          else toast({ text: t("bench.saved") });
        },
        onError: (error) => toast({ text: problem(error), bad: true }),
      },
    );
  const copied = useQuery({ ...ruleQuery(add ?? 0), enabled: add !== undefined && author && !set.fed_by });
  const copy = copied.data?.text;
  const [added, setAdded] = useState<number>();
  if (add !== undefined && copy && added !== add) {
    setAdded(add);
    if (placeOfRule(text, add) === undefined) setText(`${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${copy}\n`);
  }
  useKeys({ u: () => void navigate({ to: "/rule-sets" }) });
  const restore = (version: string) => {
    setText(version);
    void navigate({ search: {} });
  };
  return (
    <div className="page">
      <div className="page__head detail__head">
        <Back />
        <div className="detail__title">
          <h1>{set.name}</h1>
          <p className="muted">
            {set.unit_name} · {set.everywhere ? t("bench.everywhere", { number: set.everywhere }) : t("bench.nowhere")}
            {set.apart > 0 && ` · ${t("bench.apart", { count: set.apart })}`}
          </p>
        </div>
        {dirty && <span className="tag tag--warn">{t("bench.unsaved")}</span>}
        {author && !set.fed_by && (
          <>
            <Button onClick={() => saving()} disabled={!dirty || save.isPending}>
              <Save aria-hidden /> {t("bench.save")}
            </Button>
            <Button look="primary" onClick={() => (dirty ? saving(() => setKeeping(true)) : setKeeping(true))} disabled={save.isPending || (!dirty && !set.changed)}>
              <GitCommitVertical aria-hidden /> {t("bench.keep")}
            </Button>
          </>
        )}
      </div>
      <nav className="tabs__list bench__tabs" aria-label={set.name}>
        {tabs.map((one) => (
          <Link key={one} to="/rule-sets/$set" params={{ set: String(set.id) }} search={(before) => ({ ...before, tab: one === tabs[0] ? undefined : one })} className="tabs__tab" aria-current={one === tab ? "page" : undefined} activeOptions={{ exact: true }} activeProps={{}}>
            {t(`bench.tab.${one}`)}
          </Link>
        ))}
      </nav>
      <div className="page__body bench">
        {set.fed_by && (
          <p className="note">
            {t("bench.fedBy")}.{" "}
            <Link to="/rule-feeds/$feed" params={{ feed: String(set.fed_by) }}>
              {t("bench.openFeed")}
            </Link>
          </p>
        )}
        {tab === "edit" && <Write key={added} text={text} onText={setText} readOnly={!author} sid={sid ?? added} />}
        {tab === "try" && <Trial text={text} />}
        {tab === "diff" && <Differences set={set} versions={versions} text={text} />}
        {tab === "versions" && <Versions set={set} versions={versions} onRestore={author && !set.fed_by ? restore : undefined} />}
        {tab === "publish" && <Publish set={set} versions={versions} />}
      </div>
      {keeping && <KeepDialog set={set.id} revision={base.revision} onClose={() => setKeeping(false)} />}
    </div>
  );
}
