/** Who talks with whom: the busiest hosts of a query, those that alerts name marked. */
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Network } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body } from "@/lib/api";
import { number } from "@/lib/format";
import { shortAddress } from "@/lib/text";
import { useKeys } from "@/lib/keys";
import { Button, Card, Empty, Failure, Loading, Partial, useProblemText } from "@/ui/basics";
import { HostGraph } from "@/ui/host-graph";
import { SortedTable } from "@/ui/sorted-table";
import { TimeRange } from "@/ui/time-range";
import { USUAL_FROM, type GraphSearch } from "./route";
import "./graph.css";

const route = getRouteApi("/signed-in/graph");

function graphQuery(search: GraphSearch) {
  const query = { q: search.q ?? "", from: search.from ?? USUAL_FROM, to: search.to ?? "now" };
  return queryOptions({
    queryKey: ["graph", query],
    queryFn: ({ signal }) => body(api.GET("/api/v1/graph", { params: { query }, signal })),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

export function GraphPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const problem = useProblemText();
  const box = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(search.q ?? "");
  const graph = useQuery(graphQuery(search));
  useKeys({ "/": () => box.current?.focus(), r: () => void graph.refetch() });
  useEffect(() => {
    document.title = `${t("nav.graph")} – Mắt Lưới`;
  }, [t]);
  const edges = [...(graph.data?.edges ?? [])].sort((a, b) => b.alerts - a.alerts || b.count - a.count);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.graph")}</h1>
        <form
          className="graph__form"
          onSubmit={(event) => {
            event.preventDefault();
            void navigate({ search: (before) => ({ ...before, q: text.trim() || undefined }) });
          }}
        >
          <input ref={box} className="input mono" aria-label={t("hunt.query")} placeholder="event_type:alert, src_ip:10.0.0.0/8 …" value={text} spellCheck={false} onChange={(event) => setText(event.target.value)} />
          <Button type="submit" look="primary">
            {t("hunt.run")}
          </Button>
        </form>
        <span className="spring" />
        <TimeRange from={search.from ?? USUAL_FROM} to={search.to ?? "now"} onChange={(from, to) => void navigate({ search: (before) => ({ ...before, from: from === USUAL_FROM ? undefined : from, to: to === "now" ? undefined : to }) })} />
      </div>
      <div className="page__body">
        {graph.isPending ? (
          <Loading rows={14} />
        ) : graph.isError ? (
          search.q ? (
            <Empty title={t("hunt.wrongQuery")}>
              <p>{problem(graph.error)}</p>
            </Empty>
          ) : (
            <Failure error={graph.error} retry={() => void graph.refetch()} />
          )
        ) : graph.data.nodes.length === 0 ? (
          <Empty title={t("graph.none")} icon={Network}>
            <p>{t("about.nothingHint")}</p>
          </Empty>
        ) : (
          <div className="graph">
            <section className="card graph__picture" aria-label={t("nav.graph")}>
              {graph.data.partial && <Partial>{t("hunt.partialTables")}</Partial>}
              <HostGraph graph={graph.data} height="calc(100vh - 130px)" onPick={(address) => void navigate({ to: "/about/$kind/$value", params: { kind: "hosts", value: address }, search: {} })} />
              <p className="graph__legend muted">
                ◆ {t("graph.alerted")} · ● {t("graph.plain")}
                {graph.data.left_out > 0 && ` · ${t("graph.leftOut", { count: graph.data.left_out, shown: number(graph.data.left_out, i18n.language) })}`}
              </p>
            </section>
            <Card bare title={t("graph.pairs")} className="graph__pairs">
              <SortedTable
                caption={t("graph.pairs")}
                name="pairs"
                items={edges}
                rowKey={(edge) => `${edge.source} ${edge.target}`}
                columns={[
                  { head: t("graph.source"), value: (edge) => edge.source, cell: (edge) => <Host address={edge.source} /> },
                  { head: t("graph.destination"), value: (edge) => edge.target, cell: (edge) => <Host address={edge.target} /> },
                  { head: t("about.records"), value: (edge) => edge.count, cell: (edge) => number(edge.count, i18n.language), numeric: true },
                  { head: t("hunt.alerts"), value: (edge) => edge.alerts, cell: (edge) => (edge.alerts > 0 ? <span className="tag tag--bad">{number(edge.alerts, i18n.language)}</span> : "–"), numeric: true },
                ]}
                empty={null}
              />
            </Card>
          </div>
        )}
      </div>
    </div>
  );
}

function Host({ address }: { address: string }) {
  return (
    <Link to="/about/$kind/$value" params={{ kind: "hosts", value: address }} className="mono graph__host" title={address}>
      {shortAddress(address)}
    </Link>
  );
}
