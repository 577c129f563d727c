import { CircleCheck, CircleOff, Clock, FileWarning, TriangleAlert, Unplug, VolumeX, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { SensorState } from "@/lib/sensor";

const LOOKS: Record<SensorState, readonly [LucideIcon, string]> = {
  ok: [CircleCheck, "tag--good"],
  drops: [TriangleAlert, "tag--warn"],
  clock: [Clock, "tag--warn"],
  rules: [FileWarning, "tag--warn"],
  silent: [VolumeX, "tag--bad"],
  offline: [Unplug, "tag--bad"],
  never: [CircleOff, ""],
};

export function SensorStateTag({ state }: { state: SensorState }) {
  const { t } = useTranslation();
  const [Icon, look] = LOOKS[state];
  return (
    <span className={`tag ${look}`}>
      <Icon aria-hidden />
      {t(`sensorState.${state}`)}
    </span>
  );
}
