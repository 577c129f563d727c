/** The inbox with rows put together by what they have in common. */
import { useQuery } from "@tanstack/react-query";
import { CheckCheck } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { compact, number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { shortTime } from "@/lib/time";
import { Empty, Failure, Loading, Severity } from "@/ui/basics";
import { SortedTable, type Column } from "@/ui/sorted-table";
import { rolledQuery } from "../api";
import type { InboxSearch } from "../route";
import { useTitle } from "./title";

type Rolled = Schemas["RolledBody"];

export function RolledList({ search, onOpen }: { search: InboxSearch; onOpen: (word: string) => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const titleOf = useTitle();
  const rolled = useQuery(rolledQuery(search));
  const by = search.by ?? "signature";
  const columns = useMemo((): Column<Rolled>[] => {
    const count = (name: "groups" | "sources" | "destinations"): Column<Rolled> => ({ head: t(`rolled.${name}`), value: (one) => one[name], cell: (one) => number(one[name], i18n.language), numeric: true });
    return [
      { head: t("column.risk"), value: (one) => one.severity, cell: (one) => <Severity level={one.severity} /> },
      {
        head: t(`by.${by}`),
        value: (one) => named(one, by, titleOf(one.newest).title).name,
        cell: (one) => {
          const { title, rule } = titleOf(one.newest);
          const { name, word } = named(one, by, title);
          return (
            <>
              <button type="button" className="link" onClick={() => onOpen(word)}>
                {name}
              </button>
              <div className="muted">{by === "signature" ? (rule ?? one.newest.category) : t("rolled.newest", { title })}</div>
            </>
          );
        },
      },
      count("groups"),
      { head: t("rolled.alerts"), value: (one) => one.count, cell: (one) => compact(one.count, i18n.language), numeric: true },
      count("sources"),
      count("destinations"),
      { head: t("column.last"), value: (one) => one.last, cell: (one) => <span className="nowrap tabular">{shortTime(one.last, undefined, zone)}</span> },
    ];
  }, [by, i18n.language, onOpen, t, titleOf, zone]);
  if (rolled.isPending) return <Loading rows={10} />;
  if (rolled.isLoadingError) return <Failure error={rolled.error} retry={() => void rolled.refetch()} />;
  return (
    <div className="groups groups--rolled">
      <SortedTable
        caption={t(`by.${by}`)}
        name={`alerts-by-${by}`}
        columns={columns}
        items={rolled.data}
        rowKey={(one) => named(one, by, "").word}
        rowClass={() => "is-link"}
        empty={<Empty title={t("alerts.noneMatch")} icon={CheckCheck} />}
      />
    </div>
  );
}

/** What a row is called, and the word that finds its groups. */
function named({ newest }: Rolled, by: NonNullable<InboxSearch["by"]>, title: string): { name: string; word: string } {
  if (by === "source") return { name: newest.source, word: `src:${newest.source}` };
  if (by === "destination") return { name: newest.destination, word: `dest:${newest.destination}` };
  return { name: title, word: `sid:${newest.sid}` };
}
