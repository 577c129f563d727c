/** Who was involved, and what was said of the like before. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Crosshair, Swords } from "lucide-react";
import { useTranslation } from "react-i18next";
import { EVE, type EveRecord } from "@/lib/eve";
import { number } from "@/lib/format";
import { textAt } from "@/lib/json";
import { usePrefs } from "@/lib/prefs";
import { shortTime } from "@/lib/time";
import { Card, Failure, Loading, Severity } from "@/ui/basics";
import { Value } from "@/ui/value";
import { relatedQuery, type GroupRow } from "../api";
import { useTitle } from "./title";

/** Private, loop-back and link-local addresses: machines of one's own. */
function isInternal(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|127\.|169\.254\.|f[cd][0-9a-f]{2}:|fe80:|::1$)/i.test(address);
}

export function Endpoints({ group, event, onHunt }: { group: GroupRow; event: EveRecord | undefined; onHunt: (q: string) => void }) {
  const { t } = useTranslation();
  const attacker = textAt(event, "alert.source.ip");
  const sides = [
    { side: "source", address: group.source, port: textAt(event, EVE.sourcePort), mac: textAt(event, "ether.src_mac") },
    { side: "destination", address: group.destination, port: textAt(event, EVE.destinationPort), mac: textAt(event, "ether.dest_mac") },
  ] as const;
  return (
    <>
      {sides.map(({ side, address, port, mac }) => (
        <Card
          key={side}
          title={t(`endpoint.${side}`)}
          aside={
            attacker && (
              <span className={`tag ${attacker === address ? "tag--bad" : "tag--warn"}`}>
                {attacker === address ? <Swords aria-hidden /> : <Crosshair aria-hidden />}
                {t(attacker === address ? "endpoint.attacker" : "endpoint.target")}
              </span>
            )
          }
        >
          <dl className="pairs">
            <dt>{t("endpoint.address")}</dt>
            <dd>
              <Value text={address} mono onHunt={() => onHunt(`ip:${address}`)} />{" "}
              <span className="tag">{t(isInternal(address) ? "endpoint.internal" : "endpoint.external")}</span>
            </dd>
            {port && (
              <>
                <dt>{t("endpoint.port")}</dt>
                <dd className="mono">{port}</dd>
              </>
            )}
            {mac && (
              <>
                <dt>MAC</dt>
                <dd className="mono">{mac}</dd>
              </>
            )}
          </dl>
          <Others address={address} except={group.id} />
        </Card>
      ))}
    </>
  );
}

function Others({ address, except }: { address: string; except: number }) {
  const { t, i18n } = useTranslation();
  const titleOf = useTitle();
  const others = useQuery(relatedQuery(address));
  if (others.isPending) return <Loading rows={2} />;
  if (others.isLoadingError) return <Failure small error={others.error} retry={() => void others.refetch()} />;
  const rows = others.data.items.filter((row) => row.id !== except).slice(0, 3);
  const count = others.data.total - 1;
  if (rows.length === 0) return <p className="muted endpoint__others">{t("endpoint.noOthers")}</p>;
  return (
    <div className="endpoint__others">
      <Link to="/alerts" search={{ q: address }}>
        {t("endpoint.others", { count, total: number(count, i18n.language) })}
      </Link>
      <ul>
        {rows.map((row) => (
          <li key={row.id}>
            <Severity level={row.severity} />
            <Link to="/alerts/$group" params={{ group: String(row.id) }} className="cut" title={titleOf(row).title}>
              {titleOf(row).title}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Verdicts given before on the same signature. */
export function Past({ group }: { group: GroupRow }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const past = useQuery(relatedQuery(`sid:${group.sid}`, "closed"));
  const rows = past.data?.items.filter((row) => row.id !== group.id) ?? [];
  return (
    <Card title={t("past.title")}>
      {past.isPending ? (
        <Loading rows={2} />
      ) : past.isLoadingError ? (
        <Failure small error={past.error} retry={() => void past.refetch()} />
      ) : rows.length === 0 ? (
        <p className="muted">{t("past.none")}</p>
      ) : (
        <ul className="past">
          {rows.map((row) => (
            <li key={row.id}>
              <Link to="/alerts/$group" params={{ group: String(row.id) }}>
                <span className="mono">
                  {row.source} → {row.destination}
                </span>
              </Link>
              <span className={`tag ${row.verdict === "true_positive" ? "tag--bad" : "tag--good"}`}>{row.verdict && t(`verdict.${row.verdict}`)}</span>
              <span className="muted">
                {shortTime(row.last, undefined, zone)} · {row.reason}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
