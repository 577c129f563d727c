/** Which sensors are to run which version, what they do run, and what was published. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleX, Clock, HardDriveDownload, Radio, RadioTower, Undo2, Unplug } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { inVietnamese } from "@/lib/faults";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, buttonClass, Card, Empty, Failure, Loading, useProblemText } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { publishedQuery, usePublish, type Publication, type RuleSet, type RuleTarget, type RuleVersion } from "../api";

export function Publish({ set, versions }: { set: RuleSet; versions: readonly RuleVersion[] }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { administrator, author } = useRights();
  const published = useQuery(publishedQuery(set.id));
  // What was published before, to be published again.
  const [back, setBack] = useState<Publication>();
  if (published.isPending) return <Loading rows={6} />;
  if (published.isLoadingError) return <Failure error={published.error} retry={() => void published.refetch()} />;
  const { sensors, history } = published.data;
  const name = (id: string) => sensors.find((one) => one.sensor_id === id)?.name ?? id;
  return (
    <div className="bench__publish">
      {administrator ? versions.length > 0 && <Order key={back?.at} set={set} versions={versions} sensors={sensors} back={back} /> : <p className="note">{t("bench.administratorPublishes")}</p>}
      <Card title={t("bench.sensors")} bare>
        <SortedTable
          caption={t("bench.sensors")}
          name="rule-sensors"
          items={sensors}
          rowKey={(one) => one.sensor_id}
          columns={[
            { head: t("sensors.name"), value: (one) => one.name, cell: (one) => <Link to="/sensors">{one.name}</Link> },
            { head: t("account.unit"), value: (one) => one.unit_name },
            {
              head: t("bench.wanted"),
              value: (one) => one.number,
              cell: (one) => (
                <>
                  {one.number ?? <span className="muted">–</span>} {one.apart && <span className="tag">{t("bench.own")}</span>}
                </>
              ),
              numeric: true,
            },
            { head: t("sensors.state"), value: (one) => one.state, cell: (one) => <State target={one} /> },
            { head: t("bench.since"), value: (one) => one.since, cell: (one) => (one.since ? <span className="tabular nowrap">{dateTime(one.since, zone)}</span> : <span className="muted">–</span>) },
            { head: t("sensors.rules"), value: (one) => one.rules_loaded, cell: (one) => (one.rules_loaded === null || one.rules_loaded === undefined ? "–" : number(one.rules_loaded, i18n.language)), numeric: true },
            { head: t("bench.runs"), value: (one) => one.running_hash, cell: (one) => <Hash hash={one.running_hash} other={one.wanted_hash} /> },
            { head: t("sensors.ruleset"), value: (one) => one.ruleset_hash, cell: (one) => <Hash hash={one.ruleset_hash} /> },
          ]}
          actions={
            author
              ? (one) => (
                  <a
                    className={`${buttonClass("plain", "small")} button--icon`}
                    href={`/api/v1/sensors/${one.sensor_id}/rules-bundle`}
                    download
                    aria-label={t("bench.asFile", { name: one.name })}
                    title={t("bench.asFile", { name: one.name })}
                  >
                    <HardDriveDownload aria-hidden />
                  </a>
                )
              : undefined
          }
          empty={<Empty small title={t("sensors.none")} />}
        />
      </Card>
      <Card title={t("bench.history")} bare>
        <SortedTable
          caption={t("bench.history")}
          name="rule-publications"
          items={history}
          rowKey={(one) => `${one.at}-${one.sensor_id ?? ""}-${one.number ?? ""}`}
          columns={[
            { head: t("bench.at"), value: (one) => one.at, cell: (one) => <span className="tabular nowrap">{dateTime(one.at, zone)}</span> },
            { head: t("bench.who"), value: (one) => one.user },
            { head: t("bench.what"), value: (one) => (one.number ? t("bench.version", { number: one.number }) : t("bench.takenBack")) },
            { head: t("bench.to"), value: (one) => (one.sensor_id ? name(one.sensor_id) : t("bench.all")) },
            { head: t("bench.why"), value: (one) => one.why },
          ]}
          actions={
            administrator
              ? (one) =>
                  one !== history[0] &&
                  one.number && (
                    <Button size="small" onClick={() => setBack(one)}>
                      <Undo2 aria-hidden /> {t("bench.rollBack")}
                    </Button>
                  )
              : undefined
          }
          empty={<Empty small title={t("bench.nothingPublished")} />}
        />
      </Card>
    </div>
  );
}

function State({ target }: { target: RuleTarget }) {
  const { t, i18n } = useTranslation();
  const offline = !target.connected && (
    <span className="tag">
      <Unplug aria-hidden /> {t("bench.offline")}
    </span>
  );
  switch (target.state) {
    case "current":
      return (
        <>
          <span className="tag tag--good">
            <CircleCheck aria-hidden /> {t("bench.state.current")}
          </span>{" "}
          {offline}
        </>
      );
    case "refused":
      return (
        <>
          <span className="tag tag--bad">
            <CircleX aria-hidden /> {t("bench.state.refused")}
          </span>
          <br />
          <span className="bench__reason">{i18n.language === "en" ? target.refused_reason : inVietnamese(target.refused_reason ?? "")}</span>
        </>
      );
    default:
      return (
        <>
          <span className="tag tag--warn">
            <Clock aria-hidden /> {t(target.state === "unable" ? "bench.state.unable" : "bench.state.waiting")}
          </span>{" "}
          {offline}
        </>
      );
  }
}

/** The beginning of a hash; the whole of it on hover. */
function Hash({ hash, other }: { hash?: string | null; other?: string }) {
  const { t } = useTranslation();
  if (!hash) return <span className="muted">–</span>;
  return (
    <span className="mono" title={hash}>
      {hash.slice(0, 12)} {other !== undefined && other !== hash && <span className="tag tag--warn">{t("bench.drift")}</span>}
    </span>
  );
}

const EVERYWHERE = "";

interface OrderProps {
  set: RuleSet;
  versions: readonly RuleVersion[];
  sensors: readonly RuleTarget[];
  back?: Publication;
}

function Order({ set, versions, sensors, back }: OrderProps) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const publish = usePublish(set.id);
  const [number, setNumber] = useState(back?.number ?? versions[0]?.number ?? 0);
  // One sensor first: what goes wrong there goes wrong nowhere else.
  const [sensor, setSensor] = useState(back ? (back.sensor_id ?? EVERYWHERE) : (sensors[0]?.sensor_id ?? EVERYWHERE));
  const [why, setWhy] = useState(back ? t("bench.backWhy", { number: back.number }) : "");
  const reason = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (back) reason.current?.focus();
  }, [back]);
  const order = (version: number | undefined) =>
    publish.mutate(
      { sensor_id: sensor || undefined, number: version, why },
      {
        onSuccess: () => {
          setWhy("");
          toast({ text: t("bench.ordered") });
        },
      },
    );
  return (
    <Card title={t("bench.order")}>
      <form
        className="bench__order"
        onSubmit={(event) => {
          event.preventDefault();
          order(number);
        }}
      >
        <div className="field">
          <label htmlFor={`${id}-version`}>{t("bench.number")}</label>
          <select id={`${id}-version`} className="select" value={number} onChange={(event) => setNumber(Number(event.target.value))}>
            {versions.map((one) => (
              <option key={one.number} value={one.number}>
                {t("bench.version", { number: one.number })}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-sensor`}>{t("bench.to")}</label>
          <select id={`${id}-sensor`} className="select" value={sensor} onChange={(event) => setSensor(event.target.value)}>
            {sensors.map((one) => (
              <option key={one.sensor_id} value={one.sensor_id}>
                {t("bench.onlyTo", { name: one.name })}
              </option>
            ))}
            <option value={EVERYWHERE}>{t("bench.toAll", { unit: set.unit_name })}</option>
          </select>
        </div>
        <div className="field bench__why">
          <label htmlFor={`${id}-why`}>{t("bench.why")}</label>
          <input ref={reason} id={`${id}-why`} className="input" maxLength={500} autoComplete="off" value={why} onChange={(event) => setWhy(event.target.value)} />
        </div>
        <Button look="primary" type="submit" disabled={why.trim() === "" || publish.isPending}>
          {sensor === EVERYWHERE ? <RadioTower aria-hidden /> : <Radio aria-hidden />} {t(sensor === EVERYWHERE ? "bench.publishAll" : "bench.publishOne")}
        </Button>
        <Button look="danger" disabled={why.trim() === "" || publish.isPending} onClick={() => order(undefined)}>
          {t("bench.takeBack")}
        </Button>
      </form>
      <p className="muted">{t("bench.orderHint")}</p>
      <p className="muted">{t("bench.fileHint")}</p>
      {publish.error && (
        <p className="field__error" role="alert">
          {problem(publish.error)}
        </p>
      )}
    </Card>
  );
}
