/** All that the records say of a flow, in the order of time. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Route, Search, SquareArrowOutUpRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { endpoint, EVE, serverNames, summary, type EveRecord } from "@/lib/eve";
import { bytes, number } from "@/lib/format";
import { isObject, numberAt, textAt } from "@/lib/json";
import { namesQuery } from "@/lib/passive-dns";
import { pivotOf } from "@/lib/pivot";
import { usePrefs } from "@/lib/prefs";
import { condition } from "@/lib/query";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { buttonClass, Card, Empty, Failure, Loading } from "@/ui/basics";
import { DomainLinks } from "@/ui/domain-links";
import { Fields } from "@/ui/fields";
import { Packets } from "@/ui/packets/packets";
import { MenuItem } from "@/ui/menu";
import { flowQuery } from "../api";
import type { AboutSearch } from "../route";

/** One exchange is seen by a few sensors at most. */
const MOST_FLOWS = 4;

export function Flow({ value, search }: { value: string; search: AboutSearch }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const navigate = useNavigate();
  const { analyst } = useRights();
  const flow = useQuery(flowQuery(value, search));
  if (flow.isPending) return <Loading rows={10} />;
  if (flow.isLoadingError) return <Failure error={flow.error} retry={() => void flow.refetch()} />;
  const given: unknown[] = flow.data.events;
  const events = given.filter(isObject);
  const first = events[0];
  if (!first) return <Empty title={t("about.nothing")} icon={Route} />;
  const flows = flowsOf(events);
  const ended: EveRecord | undefined = events.findLast((event) => textAt(event, EVE.type) === "flow");
  const figure = (path: string) => numberAt(ended, path);
  const up = figure("flow.bytes_toserver");
  const down = figure("flow.bytes_toclient");
  const source = textAt(first, EVE.sourceAddress) ?? "";
  const destination = textAt(first, EVE.destinationAddress) ?? "";
  return (
    <>
      <div className="card about__top">
        <dl className="about__facts">
        <div>
          <dt>{t("about.ends")}</dt>
          <dd className="mono">
            <Link to="/about/$kind/$value" params={{ kind: "hosts", value: source }}>{endpoint(first, "source")}</Link> →{" "}
            <Link to="/about/$kind/$value" params={{ kind: "hosts", value: destination }}>{endpoint(first, "destination")}</Link>
          </dd>
        </div>
        <Names flow={ended} address={destination} time={textAt(first, EVE.time)} />
        <div>
          <dt>{t("about.protocol")}</dt>
          <dd>{[textAt(first, EVE.transport), textAt(ended ?? first, EVE.application)].filter(Boolean).join(" / ")}</dd>
        </div>
        {up !== undefined && down !== undefined && (
          <div>
            <dt>{t("about.bytes")}</dt>
            <dd className="tabular">
              ↑ {bytes(up, i18n.language)} ↓ {bytes(down, i18n.language)}
            </dd>
          </div>
        )}
        <div>
          <dt>{t("about.records")}</dt>
          <dd className="tabular">{number(flow.data.total, i18n.language)}</dd>
        </div>
        </dl>
                  <Link to="/hunt" search={{ q: flow.data.q, from: search.from ?? "now-90d" }} className={buttonClass()}>
            <Search aria-hidden /> {t("about.hunt")}
          </Link>
      </div>
      {flows.map((event) => (
        <Card key={textAt(event, EVE.id)} className="about__packets" title={t("about.packets")} aside={flows.length > 1 && <span className="muted mono">{textAt(event, EVE.flow)}</span>}>
          <Packets eventId={textAt(event, EVE.id) ?? ""} analyst={analyst} />
        </Card>
      ))}
      <ol className="about__events">
        {events.map((event, index) => {
          const type = textAt(event, EVE.type) ?? "";
          return (
            <li key={textAt(event, EVE.id) ?? index} className="card">
              <details>
                <summary>
                  <span className="tabular nowrap muted">{dateTime(textAt(event, EVE.time) ?? "", zone)}</span>
                  <span className={`tag ${type === "alert" ? "tag--bad" : ""}`}>{type}</span>
                  <span className="about__what">{summary(event)}</span>
                </summary>
                <Fields
                  record={event}
                  onHunt={(field, text) => void navigate({ to: "/hunt", search: { q: condition(field, text) } })}
                  more={(field, text) => {
                    const page = pivotOf(field, text);
                    return (
                      page && (
                        <MenuItem icon={SquareArrowOutUpRight} onSelect={() => void navigate({ to: "/about/$kind/$value", params: { kind: page, value: text } })}>
                          {t(`pivot.open.${page}`)}
                        </MenuItem>
                      )
                    );
                  }}
                />
              </details>
            </li>
          );
        })}
      </ol>
    </>
  );
}

/** What led to the server: as its sensor knew at that time, else as any sensor saw. */
function Names({ flow, address, time }: { flow: EveRecord | undefined; address: string; time: string | undefined }) {
  const { t } = useTranslation();
  const known = flow ? serverNames(flow) : [];
  const asked = useQuery({ ...namesQuery(address, time), enabled: known.length === 0 && address !== "" });
  const names = known.length > 0 ? known : (asked.data ?? []);
  if (names.length === 0) return null;
  return (
    <div>
      <dt>{t("about.serverNames")}</dt>
      <dd className="mono">
        <DomainLinks names={names} />
      </dd>
    </div>
  );
}

/** Of each flow, as sensors number them, the record that tells most of when it was: the flow's own, else the last one. */
function flowsOf(events: readonly EveRecord[]): EveRecord[] {
  const best = new Map<string, EveRecord>();
  for (const event of events) {
    // The collector's own alerts are about records of a sensor; it has no packets.
    if (textAt(event, "matluoi.source") === "collector") continue;
    const key = `${textAt(event, EVE.sensor) ?? ""} ${textAt(event, EVE.flow) ?? ""}`;
    const known = best.get(key);
    if (!known || textAt(known, EVE.type) !== "flow") best.set(key, event);
  }
  return [...best.values()].filter((event) => textAt(event, EVE.flow) && textAt(event, EVE.id)).slice(0, MOST_FLOWS);
}
