/** Reports: what they say, as it will be printed; and the files. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { FileDown, FileText } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { buttonClass, Failure, Loading } from "@/ui/basics";
import { Share } from "@/ui/share";
import { When } from "@/ui/when";
import { dayOf, period } from "./period";
import { KINDS, type ReportsSearch } from "./route";
import "./reports.css";

const route = getRouteApi("/signed-in/reports");
type Query = { kind: string; from: string; to: string; language: string };

function reportQuery(query: Query) {
  return queryOptions({
    queryKey: ["report", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/reports/period", { params: { query }, signal })),
  });
}

export function ReportsPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  // The page keeps the time at which it was opened, so that what is read is what is saved.
  const [now] = useState(() => Date.now());
  const kind = search.kind ?? "daily";
  const query: Query = { kind, language: i18n.language === "en" ? "en" : "vi", ...period(kind, search.day, now) };
  const report = useQuery(reportQuery(query));
  const change = (to: ReportsSearch) => void navigate({ search: (before) => ({ ...before, ...to }), replace: true });
  useEffect(() => {
    document.title = `${t("nav.reports")} – Mắt Lưới`;
  }, [t]);
  const file = (form: "pdf" | "docx") => `/api/v1/reports/period?${new URLSearchParams({ ...query, form }).toString()}`;
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.reports")}</h1>
        {kind !== "handover" && (
          <label className="reports__day">
            {t(kind === "daily" ? "reports.day" : "reports.until")}{" "}
            <When kind="day" max={dayOf(now)} value={search.day ?? dayOf(now)} onValue={(day) => day !== "" && day <= dayOf(now) && change({ day })} />
          </label>
        )}
        <span className="spring" />
        {kind !== "handover" && <Share moves={search.day === undefined} frozen={() => ({ day: dayOf(now) })} />}
        <a className={buttonClass("primary")} href={file("pdf")}>
          <FileDown aria-hidden /> PDF
        </a>
        <a className={buttonClass()} href={file("docx")}>
          <FileText aria-hidden /> DOCX
        </a>
      </div>
      <nav className="tabs__list inbox__tabs" aria-label={t("reports.kinds")}>
        {KINDS.map((one) => (
          <Link key={one} to="/reports" search={{ ...search, kind: one === "daily" ? undefined : one }} className="tabs__tab" aria-current={kind === one ? "page" : undefined} activeOptions={{ exact: true }} activeProps={{}}>
            {t(`reports.kind.${one}`)}
          </Link>
        ))}
      </nav>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="page__body reports" tabIndex={0} role="region" aria-label={t("nav.reports")}>
        {report.isPending ? <Loading rows={14} /> : report.isLoadingError ? <Failure error={report.error} retry={() => void report.refetch()} /> : <Sheet document={report.data as Schemas["Document"]} />}
      </div>
    </div>
  );
}

type Block = Schemas["Document"]["blocks"][number];

function Sheet({ document: shown }: { document: Schemas["Document"] }) {
  return (
    <article className="sheet" lang={shown.language}>
      <header className="sheet__head">
        <p>{shown.unit}</p>
        <p>{shown.date}</p>
      </header>
      <h2>{shown.title}</h2>
      <p className="sheet__subtitle">{shown.subtitle}</p>
      {shown.blocks.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </article>
  );
}

/** A number alone, and no address: it stands at the right, as on paper. */
function isNumber(cell: string): boolean {
  return /^[\d.,%]+$/.test(cell) && !/^\d+\.\d+\.\d+\.\d+$/.test(cell);
}

function BlockView({ block }: { block: Block }) {
  switch (block.block) {
    case "heading":
      return <h3>{block.text}</h3>;
    case "paragraph":
      return <p>{block.text}</p>;
    case "pairs":
      return (
        <dl className="pairs">
          {block.rows.map(([name = "", value = ""], index) => (
            <div key={index} className="pairs__row">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      );
    case "table":
      return (
        <table className="sheet__table">
          <thead>
            <tr>
              {block.head.map((name, index) => (
                <th key={index} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row, at) => (
              <tr key={at}>
                {row.map((cell, index) => (
                  <td key={index} className={index > 0 && isNumber(cell) ? "numeric" : undefined}>
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    case "signatures":
      return (
        <div className="sheet__signatures">
          <span>{block.left}</span>
          <span>{block.right}</span>
        </div>
      );
  }
}
