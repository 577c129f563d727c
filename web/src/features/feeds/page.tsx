/** One source: its runs, what its newest version changes, its filters, and how it is reached. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft, CloudDownload, FileUp } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useKeys } from "@/lib/keys";
import { useRights } from "@/lib/session";
import { Button, buttonClass, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { Unready } from "@/ui/unready";
import { feedQuery, isRunning, useGive, useRunFeed, type FeedContent } from "./api";
import { Changes } from "./components/changes";
import { FilterEditor } from "./components/filters";
import { Runs } from "./components/runs";
import { Settings } from "./components/settings";
import { Status } from "./components/status";
import { FEED_TABS } from "./route";
import "./feeds.css";

const route = getRouteApi("/signed-in/rule-feeds/$feed");

export function FeedPage() {
  const id = Number(route.useParams().feed);
  const { t } = useTranslation();
  const found = useQuery(feedQuery(id));
  if (!found.data) return <Unready title={t("feeds.title")} back={<Back />} found={found} />;
  return <One key={id} content={found.data} />;
}

function Back() {
  const { t } = useTranslation();
  return (
    <Link to="/rule-feeds" className={buttonClass("quiet")} aria-label={t("feeds.back")}>
      <ArrowLeft aria-hidden />
    </Link>
  );
}

function One({ content }: { content: FeedContent }) {
  const { t } = useTranslation();
  const { feed, filters, runs } = content;
  const { tab = "runs" } = route.useSearch();
  const navigate = route.useNavigate();
  const { author, administrator } = useRights();
  const problem = useProblemText();
  const run = useRunFeed(feed.id);
  const give = useGive(feed.id);
  const file = useRef<HTMLInputElement>(null);
  const busy = isRunning(feed) || run.isPending || give.isPending;
  const bad = (error: unknown) => toast({ text: problem(error), bad: true });
  const fetchNow = () => {
    if (author && !busy) run.mutate("fetch", { onError: bad });
  };
  useEffect(() => {
    document.title = `${feed.name} – Mắt Lưới`;
  }, [feed.name]);
  useKeys({ u: () => void navigate({ to: "/rule-feeds" }), r: fetchNow });
  const waits = feed.newest !== null && feed.newest !== undefined && feed.newest !== feed.everywhere;
  return (
    <div className="page">
      <div className="page__head detail__head">
        <Back />
        <div className="detail__title">
          <h1>{feed.name}</h1>
          <p className="muted">
            {feed.unit_name} · {t(`feeds.kinds.${feed.kind}`, { defaultValue: feed.kind })} · {feed.everywhere ? t("bench.everywhere", { number: feed.everywhere }) : t("bench.nowhere")}
          </p>
        </div>
        <span role="status">{feed.last_run && <Status run={feed.last_run} published={feed.everywhere} />}</span>
        {administrator && (
          <>
            <input
              ref={file}
              type="file"
              className="hidden"
              aria-label={t("feeds.give")}
              tabIndex={-1}
              onChange={(event) => {
                const [chosen] = event.target.files ?? [];
                event.target.value = "";
                if (chosen) give.mutate(chosen, { onError: bad });
              }}
            />
            <Button disabled={busy} onClick={() => file.current?.click()}>
              <FileUp aria-hidden /> {t("feeds.give")}
            </Button>
          </>
        )}
        {author && feed.address !== "" && (
          <Button look="primary" disabled={busy} onClick={fetchNow}>
            <CloudDownload aria-hidden /> {t("feeds.fetch")}
          </Button>
        )}
      </div>
      <nav className="tabs__list feeds__tabs" aria-label={feed.name}>
        {FEED_TABS.filter((one) => one !== "settings" || administrator).map((one) => (
          <Link key={one} to="/rule-feeds/$feed" params={{ feed: String(feed.id) }} search={{ tab: one === "runs" ? undefined : one }} className="tabs__tab" aria-current={one === tab ? "page" : undefined} activeOptions={{ exact: true }} activeProps={{}}>
            {t(`feeds.tab.${one}`)}
            {one === "changes" && waits && <span className="tag tag--warn">{t("feeds.waits")}</span>}
          </Link>
        ))}
      </nav>
      <div className="page__body">
        {tab === "runs" && <Runs feed={feed} runs={runs} />}
        {tab === "changes" && <Changes feed={feed} />}
        {tab === "filters" && <FilterEditor feed={feed.id} filters={filters} readOnly={feed.publishes ? !administrator : !author} hasContent={feed.newest !== null && feed.newest !== undefined} />}
        {tab === "settings" && administrator && <Settings feed={feed} />}
      </div>
    </div>
  );
}
