/** A string, shown once, with which a new sensor joins. */
import { useQuery } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Failure, Loading, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Qr } from "@/ui/qr";
import { useCopy } from "@/ui/value";
import { unitsQuery, useEnrolment } from "../api";

export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const { user } = useRights();
  const { zone } = usePrefs();
  const units = useQuery(unitsQuery);
  const enrol = useEnrolment();
  const problem = useProblemText();
  const copy = useCopy();
  const [name, setName] = useState("");
  const [unit, setUnit] = useState(user.unit_id);
  const made = enrol.data;
  return (
    <Dialog
      title={t("enrol.title")}
      wide={made !== undefined}
      onClose={onClose}
      onSubmit={() => !made && name.trim() && enrol.mutate({ name: name.trim(), unit_id: unit })}
      actions={
        made ? (
          <Button look="primary" onClick={onClose}>
            {t("enrol.done")}
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>{t("common.cancel")}</Button>
            <Button type="submit" look="primary" disabled={!name.trim() || enrol.isPending}>
              {t("enrol.make")}
            </Button>
          </>
        )
      }
    >
      {made ? (
        <div className="enrol">
          <Qr text={made.enrolment} label={t("enrol.qr")} />
          <div className="enrol__text">
            <p>{t("enrol.how", { time: dateTime(made.expires, zone) })}</p>
            <pre className="code code--wrap">{made.enrolment}</pre>
            <Button onClick={() => copy(made.enrolment)}>
              <Copy aria-hidden /> {t("enrol.copy")}
            </Button>
            <p className="note">{t("enrol.once")}</p>
            <p>{t("enrol.command")}</p>
            <pre className="code">matluoi-sensor enrol '…'</pre>
          </div>
        </div>
      ) : (
        <>
          <p>{t("enrol.intro")}</p>
          <div className="field">
            <label htmlFor={`${id}-name`}>{t("enrol.name")}</label>
            <input id={`${id}-name`} className="input" maxLength={100} placeholder={t("enrol.nameHint")} value={name} onChange={(event) => setName(event.target.value)} />
          </div>
          {units.isPending ? (
            <Loading rows={1} />
          ) : units.isLoadingError ? (
            <Failure small error={units.error} retry={() => void units.refetch()} />
          ) : (
            <div className="field">
              <label htmlFor={`${id}-unit`}>{t("enrol.unit")}</label>
              <select id={`${id}-unit`} className="select" value={unit} onChange={(event) => setUnit(Number(event.target.value))}>
                {units.data.map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.name}
                  </option>
                ))}
              </select>
            </div>
          )}
          {enrol.isError && (
            <p className="note note--bad" role="alert">
              {problem(enrol.error)}
            </p>
          )}
        </>
      )}
    </Dialog>
  );
}
