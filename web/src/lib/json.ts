/** Looking into records whose shape is the sensor's to choose. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a dotted path. A path through a list takes its first entry. */
export function at(record: Json | undefined, path: string): Json | undefined {
  let here: Json | undefined = record;
  for (const key of path.split(".")) {
    if (Array.isArray(here)) here = here[0];
    if (!isObject(here)) return undefined;
    here = here[key];
  }
  return here;
}

export function textAt(record: Json | undefined, path: string): string | undefined {
  const value = at(record, path);
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return undefined;
}

export function numberAt(record: Json | undefined, path: string): number | undefined {
  const value = at(record, path);
  return typeof value === "number" ? value : undefined;
}

export interface FlatField {
  path: string;
  value: string;
  /** A list or nothing cannot be asked for by one value. */
  askable: boolean;
}

const MAX_FIELDS = 500;

/** Leaves by dotted path, in the order of the record. Lists of plain values stay together. */
export function flatten(record: Json, prefix = "", found: FlatField[] = []): FlatField[] {
  if (found.length >= MAX_FIELDS) return found;
  if (Array.isArray(record)) {
    if (record.every((item) => !isObject(item) && !Array.isArray(item))) {
      const only = record.length === 1 ? record[0] : undefined;
      found.push({ path: prefix, value: record.map(String).join(", "), askable: only !== undefined && only !== null });
    } else {
      for (const item of record) flatten(item, prefix, found);
    }
  } else if (isObject(record)) {
    for (const [key, value] of Object.entries(record)) flatten(value, prefix ? `${prefix}.${key}` : key, found);
  } else {
    found.push({ path: prefix, value: String(record), askable: record !== null && record !== "" });
  }
  return found;
}
