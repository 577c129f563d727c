import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, Key } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { VERDICTS, type Verdict } from "../api";

const REASONS: Record<Verdict, readonly string[]> = {
  true_positive: ["handled", "blocked", "failedAttempt"],
  false_positive: ["ruleTooWide", "normalTraffic", "notVulnerable"],
  benign: ["scanner", "test", "administration"],
};

interface CloseProps {
  count: number;
  verdict?: Verdict;
  reason?: string;
  onClose: () => void;
  onDone: (verdict: Verdict, reason: string, muteDays?: number) => void;
  /** It is escalated as well. */
  escalate?: boolean;
}

/** Days that a group stays closed; none: as its verdict has it. */
const MUTE = [7, 30, 90] as const;

/** A group is closed with a verdict and a reason, or not at all. */
export function CloseDialog({ count, verdict: first, reason: said = "", escalate, onClose, onDone }: CloseProps) {
  const { t } = useTranslation();
  const id = useId();
  const [verdict, setVerdict] = useState<Verdict | undefined>(first);
  const [reason, setReason] = useState(said);
  const [mute, setMute] = useState("");
  const [tried, setTried] = useState(false);
  const complete = verdict !== undefined && reason.trim() !== "";
  return (
    <Dialog
      title={t(escalate ? "close.titleEscalate" : "close.title", { count })}
      onClose={onClose}
      onSubmit={() => {
        setTried(true);
        if (verdict && complete) onDone(verdict, reason.trim(), mute ? Number(mute) : undefined);
      }}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary">
            {t("close.submit")}
          </Button>
        </>
      }
    >
      <fieldset className="verdicts">
        <legend className="label">{t("close.verdict")}</legend>
        {VERDICTS.map((one) => (
          <label key={one} className="verdicts__one">
            <input type="radio" name={`${id}-verdict`} checked={verdict === one} onChange={() => setVerdict(one)} />
            <span>
              <strong>{t(`verdict.${one}`)}</strong>
              <span className="muted">{t(`close.means.${one}`)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {tried && !verdict && <p className="field__error" role="alert">{t("close.needsVerdict")}</p>}
      <div className="field">
        <label htmlFor={`${id}-reason`}>{t("close.reason")}</label>
        {verdict && (
          <div className="reasons">
            {REASONS[verdict].map((one) => (
              <Button key={one} size="small" onClick={() => setReason(t(`close.reasons.${one}`))}>
                {t(`close.reasons.${one}`)}
              </Button>
            ))}
          </div>
        )}
        <textarea id={`${id}-reason`} data-first={first ? true : undefined} className="textarea" maxLength={1_000} value={reason} aria-invalid={tried && !reason.trim()} onChange={(event) => setReason(event.target.value)} />
        {tried && !reason.trim() && <p className="field__error" role="alert">{t("close.needsReason")}</p>}
      </div>
      <label className="hide__days">
        {t("close.mute")}
        <select className="select" value={mute} onChange={(event) => setMute(event.target.value)}>
          <option value="">{t(verdict === "true_positive" ? "close.muteNot" : "close.muteAlways")}</option>
          {MUTE.map((days) => (
            <option key={days} value={days}>
              {t("hide.days", { count: days })}
            </option>
          ))}
        </select>
      </label>
    </Dialog>
  );
}

export function CommentDialog({ count, onClose, onDone }: { count: number; onClose: () => void; onDone: (comment: string) => void }) {
  const { t } = useTranslation();
  const id = useId();
  const [comment, setComment] = useState("");
  return (
    <Dialog
      title={t("comment.title", { count })}
      onClose={onClose}
      onSubmit={() => comment.trim() && onDone(comment.trim())}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={!comment.trim()}>
            {t("comment.submit")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={id}>{t("comment.label")}</label>
        <textarea id={id} className="textarea" maxLength={1_000} value={comment} onChange={(event) => setComment(event.target.value)} />
      </div>
    </Dialog>
  );
}

const KEYS: readonly (readonly [string, readonly string[]])[] = [
  ["move", ["j", "k"]],
  ["open", ["o", "Enter"]],
  ["back", ["u"]],
  ["neighbours", ["[", "]"]],
  ["select", ["x"]],
  ["selectAll", ["* a"]],
  ["selectNone", ["* n"]],
  ["selectSame", ["* 1"]],
  ["acknowledge", ["v"]],
  ["close", ["e"]],
  ["falsePositive", ["f"]],
  ["escalate", ["s"]],
  ["escalateClose", ["Shift+s"]],
  ["hide", ["h"]],
  ["menu", ["."]],
  ["packet", ["p"]],
  ["assign", ["a"]],
  ["comment", ["c"]],
  ["undo", ["z"]],
  ["search", ["/"]],
  ["refresh", ["r"]],
  ["ends", ["Shift+h", "Shift+g"]],
  ["views", ["g i", "g s", "g a"]],
  ["pages", ["g o", "g c", "g h", "g t", "g k", "g n", "g r", "g p", "g w"]],
  ["help", ["?"]],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("keys.title")} wide onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([name, keys]) => (
          <div key={name}>
            <dt>
              {keys.map((key) => (
                <Key key={key}>{key}</Key>
              ))}
            </dt>
            <dd>{t(`keys.${name}`)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
