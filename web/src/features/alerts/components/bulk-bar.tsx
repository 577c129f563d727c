import { ArrowUpRight, Check, FolderPlus, MessageSquare, RotateCcw, UserCheck, X, XCircle } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { number } from "@/lib/format";
import { Button } from "@/ui/basics";
import type { ActionName } from "../api";

interface BulkBarProps {
  selected: number;
  loaded: number;
  total: number;
  closed: boolean;
  /** Everything that the filter holds is meant, whether it is loaded or not. */
  matching: boolean;
  progress: Schemas["BulkBody"] | undefined;
  onStop: () => void;
  onMatching: () => void;
  onClear: () => void;
  onClose: () => void;
  onComment: () => void;
  onCase: () => void;
  onAction: (action: ActionName) => void;
}

/** What can be done with the groups that are selected. */
export function BulkBar({ selected, loaded, total, closed, matching, progress, onStop, onMatching, onClear, onClose, onComment, onCase, onAction }: BulkBarProps) {
  const { t, i18n } = useTranslation();
  if (progress) {
    return (
      <div className="bulk">
        <strong role="status">{t("bulk.running", { done: number(progress.done, i18n.language), total: number(progress.total, i18n.language) })}</strong>
        <progress className="bulk__progress" aria-label={t("bulk.progress")} max={Math.max(1, progress.total)} value={progress.done} />
        <Button size="small" onClick={onStop}>
          {t("bulk.stop")}
        </Button>
      </div>
    );
  }
  if (selected === 0) return null;
  return (
    <div className="bulk" role="toolbar" aria-label={t("alerts.bulk")}>
      <strong role="status">{t(matching ? "alerts.selectedMatching" : "alerts.selected", { count: selected })}</strong>
      {!matching && selected < total && selected >= loaded && (
        <Button size="small" look="quiet" onClick={onMatching}>
          {t("alerts.selectMatching", { total: number(total, i18n.language) })}
        </Button>
      )}
      {closed ? (
        <Button size="small" onClick={() => onAction("reopen")}>
          <RotateCcw aria-hidden /> {t("action.reopen")}
        </Button>
      ) : (
        <>
          <Button size="small" onClick={() => onAction("acknowledge")}>
            <Check aria-hidden /> {t("action.acknowledge")}
          </Button>
          <Button size="small" onClick={() => onAction("assign")}>
            <UserCheck aria-hidden /> {t("action.assignMe")}
          </Button>
          <Button size="small" onClick={() => onAction("escalate")}>
            <ArrowUpRight aria-hidden /> {t("action.escalate")}
          </Button>
          <Button size="small" onClick={onClose}>
            <XCircle aria-hidden /> {t("action.close")}
          </Button>
        </>
      )}
      {!matching && (
        <Button size="small" onClick={onCase}>
          <FolderPlus aria-hidden /> {t("action.toCase")}
        </Button>
      )}
      <Button size="small" onClick={onComment}>
        <MessageSquare aria-hidden /> {t("action.comment")}
      </Button>
      <span className="spring" />
      <Button size="small" look="quiet" onClick={onClear}>
        <X aria-hidden /> {t("alerts.clearSelection")}
      </Button>
    </div>
  );
}
