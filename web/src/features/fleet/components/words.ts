/** Names and values of settings in words. */
import type { TFunction } from "i18next";
import type { Setting } from "../api";

const VARIABLE = /^vars\.(address|port)-groups\.(.+)$/;

export function settingName(name: string, t: TFunction): string {
  const variable = VARIABLE.exec(name);
  if (variable) return t(variable[1] === "address" ? "fleet.name.addresses" : "fleet.name.ports", { name: variable[2] === "*" ? "…" : variable[2] });
  return t(`fleet.name.${name.replace(".", "_")}`, { defaultValue: name });
}

export function settingValue(name: string, value: string, t: TFunction): string {
  if (name === "records.disabled") return value === "" ? t("fleet.noRecordsOff") : value.replaceAll(",", ", ");
  if (name === "archive.stay") return value === "" ? t("fleet.noRecordsStay") : value.replaceAll(",", ", ");
  if (name === "log.level" && value === "") return t("fleet.usual");
  return t(`fleet.value.${name.replace(".", "_")}.${value}`, { defaultValue: value });
}

/** The row of the list that a setting is of. */
export function settingOf(settings: readonly Setting[], name: string): Setting | undefined {
  return settings.find((one) => (one.name.endsWith("*") ? name.startsWith(one.name.slice(0, -1)) : one.name === name));
}
