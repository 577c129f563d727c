/** Sensors: how they are, and whether all that they made has arrived. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus, Radar, RefreshCw, Settings2 } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { bytes, number, percent } from "@/lib/format";
import { usePolling } from "@/lib/presence";
import { usePrefs } from "@/lib/prefs";
import { figures, SENSOR_STATES, sensorState, type Sensor } from "@/lib/sensor";
import { useRights } from "@/lib/session";
import { ago, dateTime } from "@/lib/time";
import { Button, buttonClass, Empty, Failure, IconButton, Loading } from "@/ui/basics";
import { SortedTable, type Column } from "@/ui/sorted-table";
import { SensorStateTag } from "@/ui/sensor-state";
import { sensorsQuery } from "./api";
import { Alarms } from "./components/alarms";
import { EnrolDialog } from "./components/enrol-dialog";
import { Findings } from "./components/findings";
import { Ledger } from "./components/ledger";
import { Ledgers } from "./components/ledgers";
import { Quarantine } from "./components/quarantine";
import { RuleFaults } from "./components/rule-faults";
import { sortOf, type SensorsSearch } from "./route";
import "./sensors.css";

const route = getRouteApi("/signed-in/sensors");
const NONE: Sensor[] = [];

export function SensorsPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { administrator } = useRights();
  const { zone } = usePrefs();
  const sensors = useQuery(sensorsQuery);
  const [enrolling, setEnrolling] = useState(false);
  usePolling(() => void sensors.refetch(), 15_000);
  // The worst first, until another order is asked for.
  const rows = useMemo(() => [...(sensors.data ?? NONE)].sort((a, b) => trouble(a) - trouble(b) || a.name.localeCompare(b.name, "vi")), [sensors.data]);
  const opened = rows.find((sensor) => sensor.id === search.sensor);
  const change = (part: Partial<SensorsSearch>) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const columns = useMemo((): Column<Sensor>[] => {
    const count = (value: number | undefined) => (value === undefined ? "–" : number(value, i18n.language));
    return [
      { id: "state", head: t("sensors.state"), value: (sensor) => t(`sensorState.${sensorState(sensor)}`), cell: (sensor) => (
          <>
            <SensorStateTag state={sensorState(sensor)} /> {sensor.silence && <span className="tag" title={sensor.silence.reason}>{t("fleet.silent")}</span>}
          </>
        ) },
      { id: "name", head: t("sensors.name"), value: (sensor) => sensor.name },
      { id: "unit", head: t("sensors.unit"), value: (sensor) => sensor.unit_name },
      {
        id: "heartbeat",
        head: t("sensors.heartbeat"),
        value: (sensor) => sensor.last_heartbeat,
        cell: (sensor) =>
          sensor.last_heartbeat ? (
            <span title={dateTime(sensor.last_heartbeat, zone)}>{ago(sensor.last_heartbeat, i18n.language)}</span>
          ) : (
            <span className="muted">{t("sensors.never")}</span>
          ),
      },
      { id: "packets", head: t("sensors.packets"), value: (sensor) => figures(sensor).packets, cell: (sensor) => count(figures(sensor).packets), numeric: true },
      {
        id: "drops",
        head: t("sensors.drops"),
        value: (sensor) => figures(sensor).droppedShare,
        cell: (sensor) => {
          const { dropped, droppedShare } = figures(sensor);
          return dropped === undefined ? "–" : `${count(dropped)} (${percent(droppedShare ?? 0, i18n.language)})`;
        },
        numeric: true,
      },
      { id: "backlog", head: t("sensors.backlog"), value: (sensor) => figures(sensor).backlog, cell: (sensor) => count(figures(sensor).backlog), numeric: true },
      {
        id: "evidence",
        head: t("sensors.evidence"),
        value: (sensor) => figures(sensor).evidence,
        cell: (sensor) => {
          const { evidence, evidenceRoom, evidenceOldest } = figures(sensor);
          if (evidence === undefined) return "–";
          const size = (value: number) => bytes(value, i18n.language);
          return (
            <span title={evidenceOldest === undefined ? undefined : t("sensors.evidenceSince", { at: dateTime(new Date(evidenceOldest).toISOString(), zone) })}>
              {size(evidence)} / {size(evidenceRoom ?? 0)}
            </span>
          );
        },
        numeric: true,
      },
      { id: "skew", head: t("sensors.skew"), value: (sensor) => sensor.clock_skew_ms, cell: (sensor) => (sensor.clock_skew_ms === null || sensor.clock_skew_ms === undefined ? "–" : `${count(sensor.clock_skew_ms)} ms`), numeric: true },
      {
        id: "rules",
        head: t("sensors.ruleset"),
        value: (sensor) => sensor.ruleset_hash,
        cell: (sensor) => (
          <span className="mono" title={sensor.ruleset_hash ?? undefined}>
            {sensor.ruleset_hash?.slice(0, 8) ?? "–"}
          </span>
        ),
      },
      {
        id: "configuration",
        head: t("fleet.configuration"),
        value: (sensor) => sensor.configuration?.state,
        cell: (sensor) => (sensor.configuration ? <span title={sensor.configuration.refused_reason ?? undefined} className={`tag ${CONFIGURATION[sensor.configuration.state] ?? ""}`}>{t(`fleet.state.${sensor.configuration.state}`)}</span> : "–"),
      },
      { id: "version", head: t("sensors.version"), value: (sensor) => sensor.version, cell: (sensor) => <span className="mono">{sensor.version ?? "–"}</span> },
    ];
  }, [i18n.language, t, zone]);
  useEffect(() => {
    document.title = `${t("nav.sensors")} – Mắt Lưới`;
  }, [t]);
  return (
    <div className="page">
      <div className="page__head">
        <h1>{t("nav.sensors")}</h1>
        {sensors.data && <span className="muted">{t("sensors.count", { count: rows.length })}</span>}
        <span className="spring" />
        <IconButton label={t("common.refresh")} onClick={() => void sensors.refetch()}>
          <RefreshCw aria-hidden />
        </IconButton>
        <Link to="/fleet" className={buttonClass()}>
          <Settings2 aria-hidden /> {t("fleet.title")}
        </Link>
        {administrator && (
          <Button look="primary" onClick={() => setEnrolling(true)}>
            <Plus aria-hidden /> {t("enrol.title")}
          </Button>
        )}
      </div>
      <div className="page__body sensors">
        {sensors.data && <Alarms state={search.alarms ?? "open"} onState={(state) => change({ alarms: state === "all" ? "all" : undefined })} />}
        {sensors.isPending ? (
          <Loading rows={8} />
        ) : sensors.isLoadingError ? (
          <Failure error={sensors.error} retry={() => void sensors.refetch()} />
        ) : rows.length === 0 ? (
          <Empty title={t("sensors.none")} icon={Radar}>
            <p>{t(administrator ? "sensors.noneHint" : "sensors.noneHintOther")}</p>
          </Empty>
        ) : (
          <div className="card">
            <SortedTable
              caption={t("nav.sensors")}
              name="sensors"
              className="sensors__table"
              items={rows}
              columns={columns}
              rowKey={(sensor) => sensor.id}
              rowClass={(sensor) => `is-link ${sensor.id === search.sensor ? "is-open" : ""}`}
              order={search.sort}
              onOrder={(order) => change({ sort: sortOf(order) })}
              actions={(sensor) => (
                <>
                {sensor.kind === "sensor" && (
                  <Link to="/fleet" search={{ sensor: sensor.id }} className={buttonClass("plain", "small")} aria-label={`${t("fleet.manage")}: ${sensor.name}`}>
                    {t("fleet.manage")}
                  </Link>
                )}
                <Button size="small" aria-expanded={sensor.id === search.sensor} onClick={() => change({ sensor: sensor.id === search.sensor ? undefined : sensor.id })}>
                  {t("sensors.ledger")}
                </Button>
                </>
              )}
              empty={null}
            />
          </div>
        )}
        {rows.length > 0 && <Findings sensors={rows} />}
        <RuleFaults sensors={rows} />
        {opened && <Ledger sensor={opened} hours={search.hours ?? 24} onHours={(hours) => change({ hours: hours === 24 ? undefined : hours })} onClose={() => change({ sensor: undefined })} />}
        {rows.length > 0 && (
          <Ledgers
            hours={search.back ?? 24}
            by={search.by ?? "sensor"}
            onHours={(back) => change({ back: back === 24 ? undefined : back })}
            onBy={(by) => change({ by: by === "hour" ? "hour" : undefined })}
            onSensor={(sensor) => change({ sensor })}
          />
        )}
        {rows.length > 0 && <Quarantine />}
      </div>
      {enrolling && <EnrolDialog onClose={() => setEnrolling(false)} />}
    </div>
  );
}

/** How what a sensor runs with looks. */
const CONFIGURATION: Readonly<Record<string, string>> = { current: "tag--good", refused: "tag--bad", waiting: "tag--warn", restart: "tag--warn" };

/** How bad a sensor's state is; the worst is the least. */
const trouble = (sensor: Sensor) => SENSOR_STATES.indexOf(sensorState(sensor));
