import { ArrowUpRight, Check, MessageSquare, RotateCcw, UserCheck, X, XCircle } from "lucide-react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { Button } from "@/ui/basics";
import type { ActionName } from "../api";

interface BulkBarProps {
  selected: number;
  loaded: number;
  total: number;
  closed: boolean;
  onMatching: () => void;
  onClear: () => void;
  onClose: () => void;
  onComment: () => void;
  onAction: (action: ActionName) => void;
}

/** What can be done with the groups that are selected. */
export function BulkBar({ selected, loaded, total, closed, onMatching, onClear, onClose, onComment, onAction }: BulkBarProps) {
  const { t, i18n } = useTranslation();
  if (selected === 0) return null;
  return (
    <div className="bulk" role="toolbar" aria-label={t("alerts.bulk")}>
      <strong role="status">{t("alerts.selected", { count: selected })}</strong>
      {selected < total && selected >= loaded && (
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
