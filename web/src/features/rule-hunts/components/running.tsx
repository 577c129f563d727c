/** The Sigma rules that the collector itself runs over what it stores. */
import { useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Failure, Loading, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { runningQuery, useReload } from "../api";

export function Running() {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { administrator } = useRights();
  const running = useQuery(runningQuery);
  const reload = useReload();
  const problem = useProblemText();
  const again = () =>
    reload.mutate(undefined, {
      onSuccess: () => toast({ text: t("ruleHunts.reloaded") }),
      onError: (error) => toast({ text: problem(error), bad: true }),
    });
  return (
    <Card
      title={t("ruleHunts.running")}
      aside={
        administrator && (
          <Button size="small" disabled={reload.isPending} onClick={again}>
            <RefreshCw aria-hidden /> {t("ruleHunts.reload")}
          </Button>
        )
      }
    >
      {running.isPending ? (
        <Loading rows={2} />
      ) : running.isLoadingError ? (
        <Failure small error={running.error} retry={() => void running.refetch()} />
      ) : (
        <>
          <p>{t("ruleHunts.runs", { rules: number(running.data.rules, i18n.language), correlations: number(running.data.correlations, i18n.language), waiting: number(running.data.waiting, i18n.language), failed: number(running.data.failed, i18n.language) })}</p>
          <p className="muted">
            {t("ruleHunts.loadedAt", { time: dateTime(running.data.loaded_at, zone) })} <span className="mono rule-hunts__hash">{running.data.hash}</span>
          </p>
          {running.data.faults.length > 0 && (
            <ul className="rule-hunts__faults">
              {running.data.faults.slice(0, 20).map((fault, index) => (
                <li key={index}>
                  <span>
                    <span className="mono">{fault.file}</span> {t("ruleHunts.place", { line: fault.line, column: fault.column })} {fault.reason}
                  </span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Card>
  );
}
