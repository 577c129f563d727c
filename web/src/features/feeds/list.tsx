/** Rule and intelligence sources. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CloudDownload, Plus } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useKeys } from "@/lib/keys";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Empty } from "@/ui/basics";
import { RulesList } from "@/ui/listing";
import type { Column } from "@/ui/sorted-table";
import { feedsQuery, type Feed } from "./api";
import { CreateDialog } from "./components/create";
import { Status } from "./components/status";
import "./feeds.css";

export function FeedsPage() {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const { administrator } = useRights();
  const feeds = useQuery(feedsQuery);
  const [making, setMaking] = useState(false);
  useKeys({ r: () => void feeds.refetch() });
  useEffect(() => {
    document.title = `${t("feeds.title")} – Mắt Lưới`;
  }, [t]);
  const columns = useMemo(
    (): Column<Feed>[] => [
      {
        head: t("feeds.name"),
        value: (feed) => feed.name,
        cell: (feed) => (
          <>
            <Link to="/rule-feeds/$feed" params={{ feed: String(feed.id) }} className="strong">
              {feed.name}
            </Link>{" "}
            {!feed.enabled && <span className="tag">{t("feeds.off")}</span>}
          </>
        ),
      },
      { head: t("account.unit"), value: (feed) => feed.unit_name },
      { head: t("feeds.kind"), value: (feed) => t(`feeds.kinds.${feed.kind}`, { defaultValue: feed.kind }) },
      { head: t("feeds.address"), value: (feed) => feed.address, cell: (feed) => (feed.address ? <span className="mono feeds__detail">{feed.address}</span> : t("feeds.byHand")) },
      { head: t("feeds.outcome"), value: (feed) => feed.last_run && t(`feeds.status.${feed.last_run.status}`, { defaultValue: feed.last_run.status }), cell: (feed) => (feed.last_run ? <Status run={feed.last_run} published={feed.everywhere} /> : <span className="muted">–</span>) },
      { head: t("feeds.started"), value: (feed) => feed.last_run?.started, cell: (feed) => (feed.last_run ? <span className="tabular nowrap">{dateTime(feed.last_run.started, zone)}</span> : <span className="muted">–</span>) },
      { head: t("feeds.due"), value: (feed) => feed.due, cell: (feed) => (feed.due && feed.enabled ? <span className="tabular nowrap">{dateTime(feed.due, zone)}</span> : t("feeds.byHand")) },
      { head: t("bench.newest"), value: (feed) => feed.newest, cell: (feed) => (feed.newest === null || feed.newest === undefined ? <span className="muted">–</span> : <>{feed.newest !== feed.everywhere && <span className="tag tag--warn">{t("feeds.waits")}</span>} {feed.newest}</>), numeric: true },
      { head: t("bench.published"), value: (feed) => feed.everywhere, cell: (feed) => feed.everywhere ?? <span className="muted">–</span>, numeric: true },
    ],
    [t, zone],
  );
  return (
    <>
      <RulesList
        title={t("feeds.title")}
        name="rule-feeds"
        query={feeds}
        items={feeds.data}
        columns={columns}
        rowKey={(feed) => feed.id}
        rowClass={(feed) => (feed.failures > 0 ? "feeds__failing" : undefined)}
        make={
          administrator && (
            <Button look="primary" onClick={() => setMaking(true)}>
              <Plus aria-hidden /> {t("feeds.create")}
            </Button>
          )
        }
        empty={
          <Empty title={t("feeds.none")} icon={CloudDownload}>
            <p>{t("feeds.noneHint")}</p>
          </Empty>
        }
      />
      {making && <CreateDialog onClose={() => setMaking(false)} />}
    </>
  );
}
