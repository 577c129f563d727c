/** What is new or has grown since yesterday. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Sparkles, TrendingUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { Card, Failure, Fine, Loading } from "@/ui/basics";
import { CHANGE_DAYS, changesQuery, type Change } from "../api";

export function Changes() {
  const { t, i18n } = useTranslation();
  const changes = useQuery(changesQuery);
  const title = (change: Change) => change.title?.[i18n.language === "en" ? "en" : "vi"] ?? change.signature;
  return (
    <Card title={t("overview.changes", { days: CHANGE_DAYS })} bare>
      {changes.isPending ? (
        <Loading rows={4} />
      ) : changes.isLoadingError ? (
        <Failure small error={changes.error} retry={() => void changes.refetch()} />
      ) : changes.data.fresh.length + changes.data.grown.length === 0 ? (
        <Fine>{t("overview.noChanges")}</Fine>
      ) : (
        <ul className="changes">
          {([["fresh", Sparkles], ["grown", TrendingUp]] as const).flatMap(([kind, Icon]) =>
            changes.data[kind].map((change) => (
              <li key={`${kind} ${change.sid}`}>
                <span className={`tag ${kind === "fresh" ? "tag--bad" : "tag--warn"}`}>
                  <Icon aria-hidden /> {t(`overview.${kind}`)}
                </span>
                <Link to="/alerts" search={{ q: `sid:${change.sid}` }} className="cut" title={change.signature}>
                  {title(change)}
                </Link>
                <span className="tabular nowrap">
                  {number(change.now, i18n.language)}
                  {change.before > 0 && <span className="muted"> / {t("overview.perDay", { shown: number(Math.round(change.before * 10) / 10, i18n.language) })}</span>}
                </span>
              </li>
            )),
          )}
        </ul>
      )}
    </Card>
  );
}
