/** Who was involved, and what was said of the like before. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Crosshair, Swords } from "lucide-react";
import { useTranslation } from "react-i18next";
import { EVE, type EveRecord } from "@/lib/eve";
import { number } from "@/lib/format";
import { textAt } from "@/lib/json";
import { namesQuery } from "@/lib/passive-dns";
import { usePrefs } from "@/lib/prefs";
import { shortTime } from "@/lib/time";
import { Card, Failure, Loading, Severity } from "@/ui/basics";
import { DomainLinks } from "@/ui/domain-links";
import { Value } from "@/ui/value";
import type { Schemas } from "@/lib/api";
import { VERDICTS, relatedQuery, type GroupRow } from "../api";
import { useTitle } from "./title";

/** Private, loop-back and link-local addresses: machines of one's own. */
function isInternal(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|127\.|169\.254\.|f[cd][0-9a-f]{2}:|fe80:|::1$)/i.test(address);
}

export function Endpoints({ group, event, onHunt }: { group: GroupRow; event: EveRecord | undefined; onHunt: (q: string) => void }) {
  const { t } = useTranslation();
  const attacker = textAt(event, "alert.source.ip");
  const sides = [
    { side: "source", address: group.source, name: group.source_name, port: textAt(event, EVE.sourcePort), mac: textAt(event, "ether.src_mac") },
    { side: "destination", address: group.destination, name: group.destination_name, port: textAt(event, EVE.destinationPort), mac: textAt(event, "ether.dest_mac") },
  ] as const;
  return (
    <>
      {sides.map(({ side, address, name, port, mac }) => (
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
              {name && <strong>{name} </strong>}
              <Value text={address} mono onHunt={() => onHunt(`ip:${address}`)} />{" "}
              <span className="tag">{t(isInternal(address) ? "endpoint.internal" : "endpoint.external")}</span>
            </dd>
            <Names address={address} time={textAt(event, EVE.time)} />
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

/** What DNS called an address before: known of few, so that nothing stands there while it is asked for. */
function Names({ address, time }: { address: string; time: string | undefined }) {
  const { t } = useTranslation();
  const names = useQuery(namesQuery(address, time));
  if (!names.data || names.data.length === 0) return null;
  return (
    <>
      <dt>{t("pivot.panel.names")}</dt>
      <dd className="mono">
        <DomainLinks names={names.data} />
      </dd>
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

/** How the last groups of the same signature were closed. */
export function Memory({ memory, onReason }: { memory: Schemas["MemoryBody"]; onReason?: (said: Schemas["ReasonBody"]) => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const all = VERDICTS.reduce((sum, one) => sum + memory[one], 0);
  return (
    <Card title={t("memory.title")} aside={all > 0 && <span className="muted tabular">{number(all, i18n.language)}</span>}>
      {all === 0 ? (
        <p className="muted">{t("memory.none")}</p>
      ) : (
        <div className="memory">
          <p>
            <strong>{t("memory.times", { count: all })}</strong>{" "}
            {VERDICTS.filter((one) => memory[one] > 0)
              .map((one) => t(`memory.of.${one}`, { count: memory[one] }))
              .join(", ")}
            .
          </p>
          <div className="memory__bar" aria-hidden>
            {VERDICTS.map((one) => memory[one] > 0 && <span key={one} className={`memory__part memory__part--${one}`} style={{ flexGrow: memory[one] }} />)}
          </div>
          {memory.reasons.length > 0 && (
            <>
              <h3>{t("memory.reasons")}</h3>
              <ul className="memory__reasons">
                {memory.reasons.map((said) => (
                  <li key={`${said.verdict}-${said.reason}`}>
                    {onReason ? (
                      <button type="button" className="link" title={t("memory.use")} onClick={() => onReason(said)}>
                        {said.reason}
                      </button>
                    ) : (
                      said.reason
                    )}
                    <span className={`tag ${said.verdict === "true_positive" ? "tag--bad" : "tag--good"}`}>{t(`verdict.${said.verdict}`)}</span>
                    <span className="muted tabular">× {number(said.count, i18n.language)}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
          <h3>{t("memory.nearest")}</h3>
          <ul className="past">
            {memory.nearest.map((one, index) => (
              <li key={index}>
                {one.group ? (
                  <Link to="/alerts/$group" params={{ group: String(one.group) }}>
                    <span className="mono">
                      {one.source} → {one.destination}
                    </span>
                  </Link>
                ) : (
                  <span className="mono">
                    {one.source} → {one.destination}
                  </span>
                )}
                <span className={`tag ${one.verdict === "true_positive" ? "tag--bad" : "tag--good"}`}>{t(`verdict.${one.verdict}`)}</span>
                {(one.same_source || one.same_destination) && <span className="tag">{t(one.same_source && one.same_destination ? "memory.sameBoth" : one.same_source ? "memory.sameSource" : "memory.sameDestination")}</span>}
                <span className="muted">
                  {one.user}, {shortTime(one.at, undefined, zone)}
                  {one.reason && ` · ${one.reason}`}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}
