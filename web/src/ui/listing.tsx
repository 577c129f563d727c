/** Tables of what a query gives, and pages that are one such table. */
import { Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { buttonClass, Failure, Loading } from "@/ui/basics";
import { SortedTable, type Column } from "@/ui/sorted-table";

/** A page of its own, not a part of one. */
const WHOLE_PAGE = 6;

interface ListingProps<T> {
  caption: string;
  /** Of the file that is saved. */
  name: string;
  columns: readonly Column<T>[];
  query: { isPending: boolean; isLoadingError: boolean; error: unknown; refetch: () => unknown };
  items: readonly T[] | undefined;
  rowKey: (item: T) => string | number;
  /** What can be done with a row. */
  actions?: (item: T) => ReactNode;
  rowClass?: (item: T) => string | undefined;
  /** Rows that stand for those to come. */
  rows?: number;
  empty: ReactNode;
}

/** A table of what a query gives: while it comes, when it fails, when there is nothing. */
export function Listing<T>({ query, items = [], rows = 2, ...table }: ListingProps<T>) {
  if (query.isPending) return <Loading rows={rows} />;
  if (query.isLoadingError) return <Failure small={rows < WHOLE_PAGE} error={query.error} retry={() => void query.refetch()} />;
  return <SortedTable items={items} {...table} />;
}

/** A page below the rules that lists what there is of something. */
export function RulesList<T>({ title, make, ...listing }: Omit<ListingProps<T>, "caption" | "rows"> & { title: string; /** Makes another. */ make: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="page">
      <div className="page__head">
        <Link to="/rules" className={buttonClass("quiet")}>
          <ArrowLeft aria-hidden /> {t("nav.rules")}
        </Link>
        <h1>{title}</h1>
        <span className="spring" />
        {make}
      </div>
      <div className="page__body">
        <div className="card">
          <Listing caption={title} rows={WHOLE_PAGE} {...listing} />
        </div>
      </div>
    </div>
  );
}
