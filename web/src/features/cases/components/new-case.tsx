import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, SEVERITIES } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { When } from "@/ui/when";
import { fromInput, toInput } from "@/lib/time";
import type { Schemas } from "@/lib/api";

export function NewCaseDialog({ busy, onClose, onDone }: { busy: boolean; onClose: () => void; onDone: (made: Schemas["CaseRequest"]) => void }) {
  const { t } = useTranslation();
  const id = useId();
  const [title, setTitle] = useState("");
  const [summary, setSummary] = useState("");
  const [severity, setSeverity] = useState(2);
  const [detected, setDetected] = useState(() => toInput(Date.now()));
  const [serious, setSerious] = useState(false);
  const [personal, setPersonal] = useState(false);
  return (
    <Dialog
      title={t("cases.new")}
      onClose={onClose}
      onSubmit={() => {
        const at = fromInput(detected);
        if (title.trim()) onDone({ title: title.trim(), summary, severity, serious, personal_data: personal, detected: at ? new Date(at).toISOString() : undefined, groups: [] });
      }}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={!title.trim() || busy}>
            {t("cases.make")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={`${id}-title`}>{t("cases.title")}</label>
        <input id={`${id}-title`} className="input" maxLength={110} value={title} onChange={(event) => setTitle(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-summary`}>{t("cases.field.summary")}</label>
        <textarea id={`${id}-summary`} className="textarea" maxLength={10_000} value={summary} onChange={(event) => setSummary(event.target.value)} />
      </div>
      <div className="cases__row">
        <label>
          {t("alerts.severity")}{" "}
          <select className="select" value={severity} onChange={(event) => setSeverity(Number(event.target.value))}>
            {SEVERITIES.map((level) => (
              <option key={level} value={level}>
                {t(`severity.${level}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("cases.detected")} <When kind="moment" value={detected} onValue={setDetected} />
        </label>
      </div>
      <label className="cases__check">
        <input type="checkbox" checked={serious} onChange={(event) => setSerious(event.target.checked)} />
        <span>
          <strong>{t("cases.serious")}</strong>
          <span className="muted">{t("cases.seriousHint")}</span>
        </span>
      </label>
      <label className="cases__check">
        <input type="checkbox" checked={personal} onChange={(event) => setPersonal(event.target.checked)} />
        <span>
          <strong>{t("cases.personal")}</strong>
          <span className="muted">{t("cases.personalHint")}</span>
        </span>
      </label>
    </Dialog>
  );
}
