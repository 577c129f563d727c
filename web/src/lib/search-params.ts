/** Reading what the address of a page holds. Whatever is not valid is as if it were not there. */

type Raw = Record<string, unknown>;

export function text(raw: Raw, key: string, limit = 8_192): string | undefined {
  const value = raw[key];
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" && value.length <= limit ? value : undefined;
}

export function choice<T extends string>(raw: Raw, key: string, choices: readonly T[]): T | undefined {
  return choices.find((one) => one === raw[key]);
}

export function whole(raw: Raw, key: string, from: number, to: number): number | undefined {
  const value = Number(raw[key]);
  return raw[key] !== undefined && Number.isInteger(value) && value >= from && value <= to ? value : undefined;
}

export function numbers(raw: Raw, key: string, allowed: readonly number[]): number[] | undefined {
  const value = raw[key];
  const list = (Array.isArray(value) ? value : [value]).map(Number).filter((one) => allowed.includes(one));
  return list.length > 0 ? [...new Set(list)] : undefined;
}

export function texts(raw: Raw, key: string, most = 24): string[] | undefined {
  const value = raw[key];
  const list = (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === "string" && one !== "");
  return list.length > 0 ? list.slice(0, most) : undefined;
}
