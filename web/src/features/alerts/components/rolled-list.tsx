/** The inbox with rows put together by what they have in common. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { CheckCheck } from "lucide-react";
import { compact, number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { shortTime } from "@/lib/time";
import { Empty, Failure, Loading, Severity } from "@/ui/basics";
import { rolledQuery } from "../api";
import type { InboxSearch } from "../route";
import { useTitle } from "./title";

export function RolledList({ search, onOpen }: { search: InboxSearch; onOpen: (word: string) => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const titleOf = useTitle();
  const rolled = useQuery(rolledQuery(search));
  const by = search.by ?? "signature";
  if (rolled.isPending) return <Loading rows={10} />;
  if (rolled.isLoadingError) return <Failure error={rolled.error} retry={() => void rolled.refetch()} />;
  if (rolled.data.length === 0) return <Empty title={t("alerts.noneMatch")} icon={CheckCheck} />;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
    <div className="groups scroll" tabIndex={0} role="region" aria-label={t(`by.${by}`)}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("column.risk")}</th>
            <th scope="col">{t(`by.${by}`)}</th>
            <th scope="col" className="numeric">{t("rolled.groups")}</th>
            <th scope="col" className="numeric">{t("rolled.alerts")}</th>
            <th scope="col" className="numeric">{t("rolled.sources")}</th>
            <th scope="col" className="numeric">{t("rolled.destinations")}</th>
            <th scope="col">{t("column.last")}</th>
          </tr>
        </thead>
        <tbody>
          {rolled.data.map(({ newest, ...one }) => {
            const { title, rule } = titleOf(newest);
            const [name, word] =
              by === "signature"
                ? [title, `sid:${newest.sid}`]
                : by === "source"
                  ? [newest.source, `src:${newest.source}`]
                  : [newest.destination, `dest:${newest.destination}`];
            return (
              <tr key={word} className="is-link">
                <td>
                  <Severity level={one.severity} />
                </td>
                <td>
                  <button type="button" className="link" onClick={() => onOpen(word)}>
                    {name}
                  </button>
                  <div className="muted">{by === "signature" ? (rule ?? newest.category) : t("rolled.newest", { title })}</div>
                </td>
                <td className="numeric">{number(one.groups, i18n.language)}</td>
                <td className="numeric">{compact(one.count, i18n.language)}</td>
                <td className="numeric">{number(one.sources, i18n.language)}</td>
                <td className="numeric">{number(one.destinations, i18n.language)}</td>
                <td className="nowrap tabular">{shortTime(one.last, undefined, zone)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
