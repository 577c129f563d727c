import { useTranslation } from "react-i18next";
import type { GroupRow } from "../api";

/** The title in plain words, or the rule's own name when there is no guidance for it. */
export function useTitle(): (group: GroupRow) => { title: string; rule: string | undefined } {
  const { i18n } = useTranslation();
  return (group) => {
    if (!group.title) return { title: group.signature, rule: undefined };
    return { title: i18n.language === "en" ? group.title.en : group.title.vi, rule: group.signature };
  };
}
