/** Sensors: how they are, and whether all that they made has arrived. */
import { useQuery } from "@tanstack/react-query";
import { createColumnHelper, tableFeatures, useTable } from "@tanstack/react-table";
import { getRouteApi } from "@tanstack/react-router";
import { ArrowUp, Plus, Radar, RefreshCw } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { bytes, number, percent } from "@/lib/format";
import { usePolling } from "@/lib/presence";
import { usePrefs } from "@/lib/prefs";
import { figures, SENSOR_STATES, sensorState, type Sensor } from "@/lib/sensor";
import { useRights } from "@/lib/session";
import { ago, dateTime, instant } from "@/lib/time";
import { Button, Empty, Failure, IconButton, Loading } from "@/ui/basics";
import { SensorStateTag } from "@/ui/sensor-state";
import { sensorsQuery } from "./api";
import { Alarms } from "./components/alarms";
import { EnrolDialog } from "./components/enrol-dialog";
import { Findings } from "./components/findings";
import { Ledger } from "./components/ledger";
import { Ledgers } from "./components/ledgers";
import { Quarantine } from "./components/quarantine";
import { SORTS, type SensorsSearch } from "./route";
import "./sensors.css";

const route = getRouteApi("/signed-in/sensors");
const features = tableFeatures({});
const helper = createColumnHelper<typeof features, Sensor>();
const NONE: Sensor[] = [];

type Sort = (typeof SORTS)[number];

const ORDER: Record<Sort, (a: Sensor, b: Sensor) => number> = {
  state: (a, b) => SENSOR_STATES.indexOf(sensorState(a)) - SENSOR_STATES.indexOf(sensorState(b)),
  name: (a, b) => a.name.localeCompare(b.name, "vi"),
  unit: (a, b) => a.unit_name.localeCompare(b.unit_name, "vi"),
  heartbeat: (a, b) => instant(a.last_heartbeat ?? 0).getTime() - instant(b.last_heartbeat ?? 0).getTime(),
  drops: (a, b) => (figures(b).droppedShare ?? 0) - (figures(a).droppedShare ?? 0),
};

export function SensorsPage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { administrator } = useRights();
  const { zone } = usePrefs();
  const sensors = useQuery(sensorsQuery);
  const [enrolling, setEnrolling] = useState(false);
  usePolling(() => void sensors.refetch(), 15_000);
  const sort = search.sort ?? "state";
  const rows = useMemo(() => [...(sensors.data ?? NONE)].sort((a, b) => ORDER[sort](a, b) || ORDER.name(a, b)), [sensors.data, sort]);
  const opened = rows.find((sensor) => sensor.id === search.sensor);
  const change = (part: Partial<SensorsSearch>) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const columns = useMemo(() => {
    const count = (value: number | undefined) => (value === undefined ? "–" : number(value, i18n.language));
    return helper.columns([
      helper.display({ id: "state", header: t("sensors.state"), cell: ({ row }) => <SensorStateTag state={sensorState(row.original)} /> }),
      helper.accessor("name", { id: "name", header: t("sensors.name") }),
      helper.accessor("unit_name", { id: "unit", header: t("sensors.unit") }),
      helper.display({
        id: "heartbeat",
        header: t("sensors.heartbeat"),
        cell: ({ row }) =>
          row.original.last_heartbeat ? (
            <span title={dateTime(row.original.last_heartbeat, zone)}>{ago(row.original.last_heartbeat, i18n.language)}</span>
          ) : (
            <span className="muted">{t("sensors.never")}</span>
          ),
      }),
      helper.display({ id: "packets", header: t("sensors.packets"), cell: ({ row }) => count(figures(row.original).packets) }),
      helper.display({
        id: "drops",
        header: t("sensors.drops"),
        cell: ({ row }) => {
          const { dropped, droppedShare } = figures(row.original);
          return dropped === undefined ? "–" : `${count(dropped)} (${percent(droppedShare ?? 0, i18n.language)})`;
        },
      }),
      helper.display({ id: "backlog", header: t("sensors.backlog"), cell: ({ row }) => count(figures(row.original).backlog) }),
      helper.display({
        id: "evidence",
        header: t("sensors.evidence"),
        cell: ({ row }) => {
          const { evidence, evidenceRoom, evidenceOldest } = figures(row.original);
          if (evidence === undefined) return "–";
          const size = (value: number) => bytes(value, i18n.language);
          return (
            <span title={evidenceOldest === undefined ? undefined : t("sensors.evidenceSince", { at: dateTime(new Date(evidenceOldest).toISOString(), zone) })}>
              {size(evidence)} / {size(evidenceRoom ?? 0)}
            </span>
          );
        },
      }),
      helper.display({
        id: "skew",
        header: t("sensors.skew"),
        cell: ({ row }) => (row.original.clock_skew_ms === null || row.original.clock_skew_ms === undefined ? "–" : `${count(row.original.clock_skew_ms)} ms`),
      }),
      helper.display({ id: "version", header: t("sensors.version"), cell: ({ row }) => <span className="mono">{row.original.version ?? "–"}</span> }),
    ]);
  }, [i18n.language, t, zone]);
  const table = useTable({ features, columns, data: rows });
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
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys
          <div className="card scroll" tabIndex={0} role="region" aria-label={t("nav.sensors")}>
            <table className="table sensors__table">
              <caption className="hidden">{t("nav.sensors")}</caption>
              <thead>
                {table.getHeaderGroups().map((group) => (
                  <tr key={group.id}>
                    {group.headers.map((header) => {
                      const by = SORTS.find((one) => one === header.column.id);
                      return (
                        <th key={header.id} aria-sort={by && by === sort ? "ascending" : undefined} className={NUMERIC.has(header.column.id) ? "numeric" : undefined}>
                          {by ? (
                            <button type="button" className="sort" onClick={() => change({ sort: by === "state" ? undefined : by })}>
                              <table.FlexRender header={header} />
                              {by === sort && <ArrowUp aria-hidden size={13} />}
                            </button>
                          ) : (
                            <table.FlexRender header={header} />
                          )}
                        </th>
                      );
                    })}
                    <th>
                      <span className="hidden">{t("sensors.ledger")}</span>
                    </th>
                  </tr>
                ))}
              </thead>
              <tbody>
                {table.getRowModel().rows.map((row) => (
                  <tr key={row.original.id} className={`is-link ${row.original.id === search.sensor ? "is-open" : ""}`}>
                    {row.getAllCells().map((cell) => (
                      <td key={cell.id} className={NUMERIC.has(cell.column.id) ? "numeric" : undefined}>
                        <table.FlexRender cell={cell} />
                      </td>
                    ))}
                    <td>
                      <Button
                        size="small"
                        aria-expanded={row.original.id === search.sensor}
                        onClick={() => change({ sensor: row.original.id === search.sensor ? undefined : row.original.id })}
                      >
                        {t("sensors.ledger")}
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {rows.length > 0 && <Findings sensors={rows} />}
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

const NUMERIC = new Set(["packets", "drops", "backlog", "evidence", "skew"]);
