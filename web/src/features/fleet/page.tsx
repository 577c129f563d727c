/** The fleet: what sensors run with, by unit and by sensor; times of silence; what one sensor is to do. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useEffect, useId } from "react";
import { useTranslation } from "react-i18next";
import { useRights } from "@/lib/session";
import { buttonClass } from "@/ui/basics";
import { Unready } from "@/ui/unready";
import { sensorsQuery, unitsQuery, type Target } from "./api";
import { Changes } from "./components/changes";
import { OneSensor } from "./components/one-sensor";
import { SensorsBelow } from "./components/sensors-below";
import { Settings } from "./components/settings";
import { Silences } from "./components/silences";
import "./fleet.css";

const route = getRouteApi("/signed-in/fleet");

export function FleetPage() {
  const { t } = useTranslation();
  const id = useId();
  const { user } = useRights();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const units = useQuery(unitsQuery);
  const sensors = useQuery(sensorsQuery);
  useEffect(() => {
    document.title = `${t("fleet.title")} – Mắt Lưới`;
  }, [t]);
  const back = (
    <Link to="/sensors" className={buttonClass("quiet")} aria-label={t("fleet.back")}>
      <ArrowLeft aria-hidden />
    </Link>
  );
  if (!units.data || !sensors.data) {
    const found = { isPending: units.isPending || sensors.isPending, error: units.error ?? sensors.error, refetch: () => Promise.all([units.refetch(), sensors.refetch()]) };
    return <Unready title={t("fleet.title")} back={back} found={found} />;
  }
  const own = sensors.data.filter((sensor) => sensor.kind === "sensor");
  const sensor = own.find((one) => one.id === search.sensor);
  const target: Target = sensor ? { sensor_id: sensor.id } : { unit_id: search.unit ?? user.unit_id };
  const depth = new Map<number, number>();
  for (const unit of units.data) depth.set(unit.id, unit.parent_id === null || unit.parent_id === undefined ? 0 : (depth.get(unit.parent_id) ?? -1) + 1);
  const key = sensor ? `sensor ${sensor.id}` : `unit ${target.unit_id}`;
  return (
    <div className="page">
      <div className="page__head">
        {back}
        <h1>{t("fleet.title")}</h1>
        <span className="spring" />
        <label htmlFor={`${id}-target`}>{t("fleet.target")}</label>
        <select
          id={`${id}-target`}
          className="select fleet__target"
          value={key}
          onChange={(event) => {
            const [kind, chosen = ""] = event.target.value.split(" ");
            void navigate({ search: kind === "sensor" ? { sensor: chosen } : { unit: Number(chosen) } });
          }}
        >
          <optgroup label={t("fleet.units")}>
            {units.data.map((unit) => (
              <option key={unit.id} value={`unit ${unit.id}`}>
                {`${"\u2003".repeat(depth.get(unit.id) ?? 0)}${unit.name}`}
              </option>
            ))}
          </optgroup>
          <optgroup label={t("nav.sensors")}>
            {own.map((one) => (
              <option key={one.id} value={`sensor ${one.id}`}>
                {`${one.name} (${one.unit_name})`}
              </option>
            ))}
          </optgroup>
        </select>
      </div>
      <div className="page__body fleet">
        {search.sensor && !sensor && <p className="note">{t("fleet.gone")}</p>}
        {sensor && <OneSensor key={sensor.id} sensor={sensor} units={units.data} onGone={() => void navigate({ search: {} })} />}
        <Settings key={key} target={target} />
        {target.unit_id !== undefined && <SensorsBelow sensors={own} units={units.data} unit={target.unit_id} />}
        <Silences target={target} />
        <Changes target={target} />
      </div>
    </div>
  );
}
