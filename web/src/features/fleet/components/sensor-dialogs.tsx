/** What one sensor is told: to start again, to send a support bundle, to be somebody else's, to be gone. */
import { Ban, Check, LifeBuoy, RotateCw } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { Button, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { useOrder, useRevoke, useUpdateSensor } from "../api";

type Sensor = Schemas["SensorBody"];

function Why({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{t("fleet.why")}</label>
      <textarea id={id} className="textarea" maxLength={1_000} value={value} onChange={(event) => onChange(event.target.value)} />
    </div>
  );
}

function Fault({ error }: { error: unknown }) {
  const problem = useProblemText();
  if (!error) return null;
  return (
    <p className="note note--bad" role="alert">
      {problem(error)}
    </p>
  );
}

export function OrderDialog({ kind, sensor, onClose }: { kind: "restart" | "bundle"; sensor: Sensor; onClose: () => void }) {
  const { t } = useTranslation();
  const order = useOrder(sensor.id);
  const [reason, setReason] = useState("");
  const Icon = kind === "restart" ? RotateCw : LifeBuoy;
  return (
    <Dialog
      title={t(`fleet.order.${kind}`)}
      onClose={onClose}
      onSubmit={() => reason.trim() && order.mutate({ kind, reason: reason.trim() }, { onSuccess: onClose })}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={!reason.trim() || order.isPending}>
            <Icon aria-hidden /> {t(`fleet.order.${kind}`)}
          </Button>
        </>
      }
    >
      <p>{t(`fleet.orderHint.${kind}`, { name: sensor.name })}</p>
      {!sensor.connected && <p className="note">{t("fleet.offlineHint")}</p>}
      <Why value={reason} onChange={setReason} />
      <Fault error={order.error} />
    </Dialog>
  );
}

export function ChangeSensorDialog({ sensor, units, onClose }: { sensor: Sensor; units: readonly Schemas["UnitBody"][]; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const update = useUpdateSensor(sensor.id);
  const [name, setName] = useState(sensor.name);
  const [unit, setUnit] = useState(sensor.unit_id);
  return (
    <Dialog
      title={t("fleet.rename")}
      onClose={onClose}
      onSubmit={() => name.trim() && update.mutate({ name: name.trim(), unit_id: unit }, { onSuccess: onClose })}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={!name.trim() || update.isPending}>
            <Check aria-hidden /> {t("fleet.save")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={`${id}-name`}>{t("enrol.name")}</label>
        <input id={`${id}-name`} className="input" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-unit`}>{t("sensors.unit")}</label>
        <select id={`${id}-unit`} className="select" value={unit} onChange={(event) => setUnit(Number(event.target.value))}>
          {units.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      {unit !== sensor.unit_id && <p className="note">{t("fleet.moveHint")}</p>}
      <Fault error={update.error} />
    </Dialog>
  );
}

export function RevokeDialog({ sensor, onClose, onGone }: { sensor: Sensor; onClose: () => void; onGone: () => void }) {
  const { t } = useTranslation();
  const revoke = useRevoke(sensor.id);
  const [reason, setReason] = useState("");
  return (
    <Dialog
      title={t("fleet.revoke")}
      onClose={onClose}
      onSubmit={() => reason.trim() && revoke.mutate(reason.trim(), { onSuccess: onGone })}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="danger" disabled={!reason.trim() || revoke.isPending}>
            <Ban aria-hidden /> {t("fleet.revoke")}
          </Button>
        </>
      }
    >
      <p>{t("fleet.revokeHint", { name: sensor.name })}</p>
      <Why value={reason} onChange={setReason} />
      <Fault error={revoke.error} />
    </Dialog>
  );
}
