/** How a sensor is, from its last heartbeat. */
import type { Schemas } from "@/lib/api";
import { at, isObject, numberAt, textAt, type JsonObject } from "@/lib/json";
import { instant } from "@/lib/time";

/** The description of the API leaves open what a heartbeat tells. */
export type Sensor = Omit<Schemas["SensorBody"], "stats"> & { stats?: JsonObject | null };
export const SENSOR_STATES = ["never", "offline", "silent", "rules", "clock", "drops", "ok"] as const;
export type SensorState = (typeof SENSOR_STATES)[number];

/** A heartbeat is due every few seconds; three missed minutes are silence. */
const SILENT_MS = 180_000;
const SKEW_MS = 5_000;
const DROPPED_SHARE = 0.001;

export interface SensorFigures {
  packets: number | undefined;
  bytes: number | undefined;
  dropped: number | undefined;
  /** Of all packets that came to the sensor. */
  droppedShare: number | undefined;
  backlog: number | undefined;
  memory: number | undefined;
  rules: number | undefined;
  rulesFailed: number | undefined;
  /** Bytes of packets kept around alerts, those that there is room for, and the time of the oldest (Unix milliseconds). */
  evidence: number | undefined;
  evidenceRoom: number | undefined;
  evidenceOldest: number | undefined;
  /** What the sensor may send in this hour (0: no limit) and what it sent in the last half minute, kbit/s; seconds held back since its start. */
  linkBudget: number | undefined;
  linkUsed: number | undefined;
  linkHeld: number | undefined;
  /** The centre set the budget, not the sensor's configuration. */
  linkOrdered: boolean;
}

export function figures(sensor: Sensor): SensorFigures {
  const of = (name: string) => numberAt(sensor.stats ?? undefined, name);
  const drops = ["kernel_drops", "interface_drops", "engine_drops"].map(of).filter((one) => one !== undefined);
  const packets = of("packets");
  const dropped = drops.length > 0 ? drops.reduce((sum, one) => sum + one, 0) : undefined;
  return {
    packets,
    bytes: of("bytes"),
    dropped,
    droppedShare: dropped === undefined || packets === undefined ? undefined : dropped / Math.max(1, packets + dropped),
    backlog: of("backlog") ?? of("spool_records"),
    memory: of("memory_bytes"),
    rules: of("rules_loaded"),
    rulesFailed: of("rules_failed"),
    evidence: of("evidence.bytes"),
    evidenceRoom: of("evidence.budget_bytes"),
    evidenceOldest: of("evidence.oldest_ms"),
    linkBudget: of("link.kilobits"),
    linkUsed: of("link.used_kilobits"),
    linkHeld: of("link.held_s"),
    linkOrdered: at(sensor.stats ?? undefined, "link.ordered") === true,
  };
}

export function sensorState(sensor: Sensor, now: number = Date.now()): SensorState {
  if (!sensor.last_heartbeat) return "never";
  if (!sensor.connected) return "offline";
  if (now - instant(sensor.last_heartbeat).getTime() > SILENT_MS) return "silent";
  const { droppedShare, rulesFailed } = figures(sensor);
  if ((rulesFailed ?? 0) > 0) return "rules";
  if (Math.abs(sensor.clock_skew_ms ?? 0) > SKEW_MS) return "clock";
  if ((droppedShare ?? 0) > DROPPED_SHARE) return "drops";
  return "ok";
}

/** Something that a sensor finds wrong with itself; its words are `findings.<code>`. */
export interface Finding {
  code: string;
  bad: boolean;
  /** By the sensor's clock. */
  since: Date | undefined;
  figures: Record<string, string | number>;
}

/** What the last heartbeat told, the worst first. */
export function findings(sensor: Sensor): Finding[] {
  const told = at(sensor.stats ?? undefined, "findings");
  if (!Array.isArray(told)) return [];
  return told.flatMap((one) => {
    const code = textAt(one, "code");
    if (!isObject(one) || code === undefined) return [];
    const figures = isObject(one.figures) ? Object.entries(one.figures) : [];
    const since = numberAt(one, "since_ms");
    return {
      code,
      bad: one.severity === "bad",
      since: since === undefined ? undefined : new Date(since),
      figures: Object.fromEntries(figures.filter((entry): entry is [string, string | number] => typeof entry[1] === "string" || typeof entry[1] === "number")),
    };
  });
}

/** What is wrong with a rule that a sensor could not load; the first few are told. */
export interface RuleFault {
  file: string;
  /** From 1. */
  line: number;
  sid: number | undefined;
  keyword: string | undefined;
  /** As the engine tells it, in English. */
  reason: string;
}

export function ruleFaults(sensor: Sensor): RuleFault[] {
  const told = at(sensor.stats ?? undefined, "rule_faults");
  if (!Array.isArray(told)) return [];
  return told.flatMap((one) => {
    const reason = textAt(one, "reason");
    if (reason === undefined) return [];
    return { file: textAt(one, "file") ?? "", line: numberAt(one, "line") ?? 0, sid: numberAt(one, "sid"), keyword: textAt(one, "keyword"), reason };
  });
}
