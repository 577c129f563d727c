/** The sensors of a unit and those below it: whether they run with what they are to run with. */
import { Link } from "@tanstack/react-router";
import { Radar } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { sensorState, type Sensor } from "@/lib/sensor";
import { Card, Empty } from "@/ui/basics";
import { SensorStateTag } from "@/ui/sensor-state";
import { SortedTable } from "@/ui/sorted-table";
import { ConfigurationTag } from "./state";

export function SensorsBelow({ sensors, units, unit }: { sensors: readonly Schemas["SensorBody"][]; units: readonly Schemas["UnitBody"][]; unit: number }) {
  const { t } = useTranslation();
  const below = new Set([unit]);
  // Parents come before their children.
  for (const one of units) if (one.parent_id !== null && one.parent_id !== undefined && below.has(one.parent_id)) below.add(one.id);
  const rows = sensors.filter((sensor) => below.has(sensor.unit_id));
  const drifting = rows.filter((sensor) => sensor.configuration && !["current", "unable"].includes(sensor.configuration.state));
  return (
    <Card title={t("fleet.sensors")} bare aside={drifting.length > 0 && <span className="tag tag--warn">{t("fleet.drift", { count: drifting.length })}</span>}>
      <SortedTable
        caption={t("fleet.sensors")}
        name="fleet-sensors"
        items={rows}
        rowKey={(sensor) => sensor.id}
        columns={[
          {
            head: t("sensors.name"),
            value: (sensor) => sensor.name,
            cell: (sensor) => (
              <Link to="/fleet" search={{ sensor: sensor.id }}>
                {sensor.name}
              </Link>
            ),
          },
          { head: t("sensors.unit"), value: (sensor) => sensor.unit_name },
          { head: t("sensors.state"), value: (sensor) => t(`sensorState.${sensorState(sensor as Sensor)}`), cell: (sensor) => <SensorStateTag state={sensorState(sensor as Sensor)} /> },
          {
            head: t("fleet.configuration"),
            value: (sensor) => sensor.configuration?.state,
            cell: (sensor) => (
              <>
                <ConfigurationTag configuration={sensor.configuration} />
                {sensor.configuration?.refused_reason && <div className="muted fleet__value">{sensor.configuration.refused_reason}</div>}
              </>
            ),
          },
          { head: t("fleet.hash"), value: (sensor) => sensor.configuration?.running_hash, cell: (sensor) => <span className="mono">{sensor.configuration?.running_hash?.slice(0, 8) ?? "–"}</span> },
          { head: t("sensors.version"), value: (sensor) => sensor.version, cell: (sensor) => <span className="mono">{sensor.version ?? "–"}</span> },
        ]}
        empty={<Empty small title={t("sensors.none")} icon={Radar} />}
      />
    </Card>
  );
}
