/** A string, shown once, with which a new sensor joins. */
import { Copy } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Fault, Text, UnitPick } from "@/ui/form";
import { Qr } from "@/ui/qr";
import { useCopy } from "@/ui/value";
import { useEnrolment } from "../api";

export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const { zone } = usePrefs();
  const enrol = useEnrolment();
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
          <Text label={t("enrol.name")} maxLength={100} placeholder={t("enrol.nameHint")} value={name} onText={setName} />
          <UnitPick value={unit} onPick={setUnit} />
          <Fault error={enrol.error} />
        </>
      )}
    </Dialog>
  );
}
