/** The caller's hunts with rules. */
import { useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dayTime } from "@/lib/time";
import { Card, Empty, Failure, IconButton, Loading, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { huntsQuery, useDeleteHunt, type RuleHuntRow } from "../api";

const STATUS = ["running", "ready", "failed", "cancelled"] as const;

export function status(row: Pick<RuleHuntRow, "status">): (typeof STATUS)[number] {
  return STATUS.find((one) => one === row.status) ?? "failed";
}

export function Hunts({ shown, onOpen }: { shown: string | undefined; onOpen: (id: string | undefined) => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const hunts = useQuery(huntsQuery);
  const remove = useDeleteHunt();
  const problem = useProblemText();
  return (
    <Card title={t("ruleHunts.past")}>
      {hunts.isPending ? (
        <Loading rows={3} />
      ) : hunts.isLoadingError ? (
        <Failure small error={hunts.error} retry={() => void hunts.refetch()} />
      ) : hunts.data.length === 0 ? (
        <Empty small title={t("ruleHunts.noPast")} />
      ) : (
        <ul className="rule-hunts__list">
          {hunts.data.map((row) => (
            <li key={row.id}>
              <button type="button" className="link cut" aria-pressed={row.id === shown} onClick={() => onOpen(row.id)}>
                {row.titles.join(", ")}
              </button>
              <span className="muted nowrap">
                {dayTime(row.created, zone)} · {t(`ruleHunts.status.${status(row)}`)} · {t("ruleHunts.hits", { count: row.hits, shown: number(row.hits, i18n.language) })}
              </span>
              <IconButton
                look="quiet"
                size="small"
                label={t("ruleHunts.remove", { title: row.titles[0] ?? "" })}
                onClick={() =>
                  remove.mutate(row.id, {
                    onSuccess: () => {
                      if (row.id === shown) onOpen(undefined);
                    },
                    onError: (error) => toast({ text: problem(error), bad: true }),
                  })
                }
              >
                <Trash2 aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
