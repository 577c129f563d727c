/** Everything about one thing: a host, a domain, a file, a TLS fingerprint, a flow. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Network, Search } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { buttonClass, Card, Empty, Failure, Loading, Partial, Severity } from "@/ui/basics";
import { HostGraph } from "@/ui/host-graph";
import { TimeRange } from "@/ui/time-range";
import { aboutQuery, groupsQuery, peersQuery } from "./api";
import { Flow } from "./components/flow";
import { PanelCard } from "./components/panel";
import { KINDS, USUAL_FROM, type AboutSearch, type Kind } from "./route";
import "./about.css";

const route = getRouteApi("/signed-in/about/$kind/$value");

export function AboutPage() {
  const { t } = useTranslation();
  const { kind: named, value } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const kind = KINDS.find((one) => one === named);
  useEffect(() => {
    document.title = `${value} – Mắt Lưới`;
  }, [value]);
  if (!kind) return <Empty title={t("notFound.title")} />;
  const from = search.from ?? (kind === "flows" ? "now-90d" : USUAL_FROM);
  const to = search.to ?? "now";
  return (
    <div className="page">
      <div className="page__head">
        <h1 className="about__title">
          <span className="muted">{t(`pivot.kind.${kind}`)}</span> <span className="mono">{value}</span>
        </h1>
        <span className="spring" />
        <TimeRange from={from} to={to} onChange={(begin, end) => void navigate({ search: { from: begin === USUAL_FROM && kind !== "flows" ? undefined : begin, to: end === "now" ? undefined : end } })} />
      </div>
      <div className="page__body">{kind === "flows" ? <Flow value={value} search={search} /> : <Panels key={`${kind} ${value}`} kind={kind} value={value} search={search} />}</div>
    </div>
  );
}

function Panels({ kind, value, search }: { kind: Exclude<Kind, "flows">; value: string; search: AboutSearch }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const about = useQuery(aboutQuery(kind, value, search));
  if (about.isPending) return <Loading rows={12} />;
  if (about.isLoadingError) return <Failure error={about.error} retry={() => void about.refetch()} />;
  const { panels, total, first, last, q, partial } = about.data;
  const fresh = panels.filter((panel) => panel.id.startsWith("new_") && panel.rows.length > 0);
  const rest = panels.filter((panel) => !panel.id.startsWith("new_") && panel.rows.length > 0);
  const hunt = { q, from: search.from ?? USUAL_FROM, to: search.to };
  return (
    <>
      <div className="card about__top">
        <dl className="about__facts">
        <div>
          <dt>{t("about.records")}</dt>
          <dd className="tabular">
            {partial && "≈"}
            {number(total, i18n.language)}
          </dd>
        </div>
        <div>
          <dt>{t("about.first")}</dt>
          <dd className="tabular">{first ? dateTime(first, zone) : "–"}</dd>
        </div>
        <div>
          <dt>{t("about.last")}</dt>
          <dd className="tabular">{last ? dateTime(last, zone) : "–"}</dd>
        </div>
        </dl>
                  <Link to="/hunt" search={hunt} className={buttonClass()}>
            <Search aria-hidden /> {t("about.hunt")}
          </Link>
      </div>
      {partial && <Partial>{t("hunt.partialTables")}</Partial>}
      {total === 0 ? (
        <Empty title={t("about.nothing")} icon={Network}>
          <p>{t("about.nothingHint")}</p>
        </Empty>
      ) : (
        <div className="about">
          {kind === "hosts" && (
            <>
              <Groups address={value} />
              <Peers value={value} search={search} />
            </>
          )}
          {fresh.map((panel) => (
            <PanelCard key={panel.id} panel={panel} about={q} search={search} fresh />
          ))}
          {rest.map((panel) => (
            <PanelCard key={panel.id} panel={panel} about={q} search={search} />
          ))}
        </div>
      )}
    </>
  );
}

function Groups({ address }: { address: string }) {
  const { t, i18n } = useTranslation();
  const groups = useQuery(groupsQuery(address));
  return (
    <Card bare title={t("about.groups")} className="about__panel" aside={<Link to="/alerts" search={{ q: address }}>{t("overview.all")}</Link>}>
      {groups.isPending ? (
        <Loading rows={3} />
      ) : groups.isLoadingError ? (
        <Failure small error={groups.error} />
      ) : groups.data.items.length === 0 ? (
        <Empty small title={t("about.noGroups")} />
      ) : (
        <ul className="about__groups">
          {groups.data.items.map((group) => (
            <li key={group.id}>
              <Severity level={group.severity} />
              <Link to="/alerts/$group" params={{ group: String(group.id) }} className="cut">
                {(i18n.language === "en" ? group.title?.en : group.title?.vi) ?? group.signature}
              </Link>
              <span className="muted nowrap">{t(`status.${group.status}`)}</span>
              <span className="tabular">{number(group.count, i18n.language)}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Peers({ value, search }: { value: string; search: AboutSearch }) {
  const { t, i18n } = useTranslation();
  const navigate = route.useNavigate();
  const peers = useQuery(peersQuery(value, search));
  return (
    <Card
      title={t("about.peers")}
      className="about__peers"
      aside={peers.data && peers.data.left_out > 0 && <span className="muted">{t("graph.leftOut", { count: peers.data.left_out, shown: number(peers.data.left_out, i18n.language) })}</span>}
    >
      {peers.isPending ? (
        <Loading rows={8} />
      ) : peers.isLoadingError ? (
        <Failure small error={peers.error} />
      ) : (
        <HostGraph graph={peers.data} centre={value} height={330} onPick={(address) => void navigate({ to: "/about/$kind/$value", params: { kind: "hosts", value: address }, search })} />
      )}
    </Card>
  );
}
