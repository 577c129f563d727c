/** What a sensor may send, what it does send, and the order that sets another budget. */
import { Gauge, Plus, Trash2 } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { figures, type Sensor } from "@/lib/sensor";
import { useRights } from "@/lib/session";
import { Button, IconButton, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { toast } from "@/ui/toasts";
import { When } from "@/ui/when";
import { useLinkPlan, type LinkPlan } from "../api";

export function Link({ sensor }: { sensor: Sensor }) {
  const { t, i18n } = useTranslation();
  const { administrator } = useRights();
  const [ordering, setOrdering] = useState(false);
  const { linkBudget, linkUsed, linkHeld, linkOrdered } = figures(sensor);
  const count = (value: number) => number(value, i18n.language);
  const waiting = sensor.spool?.records ?? 0;
  const full = linkBudget !== undefined && linkBudget > 0 && linkUsed !== undefined ? Math.min(1, linkUsed / linkBudget) : undefined;
  return (
    <section className="budget" aria-label={t("linkBudget.title")}>
      <h3>{t("linkBudget.title")}</h3>
      {linkBudget === undefined ? (
        <span className="muted">{t("linkBudget.unknown")}</span>
      ) : (
        <>
          <span>
            {linkBudget === 0 ? t("linkBudget.none") : t("linkBudget.rate", { rate: count(linkBudget) })}{" "}
            <span className="tag">{t(linkOrdered ? "linkBudget.ordered" : "linkBudget.own")}</span>
          </span>
          {full !== undefined && <meter className="budget__meter" min={0} max={1} high={0.9} value={full} aria-label={t("linkBudget.use")} />}
          <span>{t("linkBudget.used", { rate: count(Math.round(linkUsed ?? 0)) })}</span>
          {(linkHeld ?? 0) > 0 && <span className="muted">{t("linkBudget.held", { time: count(Math.round(linkHeld ?? 0)), waiting: count(waiting) })}</span>}
        </>
      )}
      <span className="spring" />
      {administrator && sensor.kind === "sensor" && (
        <Button size="small" onClick={() => setOrdering(true)}>
          <Gauge aria-hidden /> {t("linkBudget.set")}
        </Button>
      )}
      {ordering && <Order sensor={sensor} onClose={() => setOrdering(false)} />}
    </section>
  );
}

const NEW_PLAN: LinkPlan = { kilobits: 256, hours: [] };
const NEW_HOURS = { from: "07:00", to: "17:30", kilobits: 64 };
/** As many stretches of hours as the collector takes. */
const MOST_HOURS = 24;

function Order({ sensor, onClose }: { sensor: Sensor; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const save = useLinkPlan(sensor.id);
  const [own, setOwn] = useState(!sensor.link);
  const [plan, setPlan] = useState<LinkPlan>(sensor.link ?? NEW_PLAN);
  const change = (at: number, part: Partial<LinkPlan["hours"][number]>) => setPlan({ ...plan, hours: plan.hours.map((one, index) => (index === at ? { ...one, ...part } : one)) });
  const rate = (value: string) => Math.max(0, Math.trunc(Number(value)) || 0);
  return (
    <Dialog
      title={t("linkBudget.of", { sensor: sensor.name })}
      onClose={onClose}
      onSubmit={() =>
        save.mutate(own ? undefined : plan, {
          onSuccess: () => {
            toast({ text: t("linkBudget.saved") });
            onClose();
          },
        })
      }
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={save.isPending}>
            {t("linkBudget.save")}
          </Button>
        </>
      }
    >
      <p>{t("linkBudget.intro")}</p>
      <fieldset className="budget__whose">
        <legend className="hidden">{t("linkBudget.title")}</legend>
        <label className="check">
          <input type="radio" name={`${id}-whose`} checked={own} onChange={() => setOwn(true)} /> {t("linkBudget.leave")}
        </label>
        <label className="check">
          <input type="radio" name={`${id}-whose`} checked={!own} onChange={() => setOwn(false)} /> {t("linkBudget.here")}
        </label>
      </fieldset>
      {!own && (
        <>
          <div className="field">
            <label htmlFor={`${id}-rate`}>{t("linkBudget.kilobits")}</label>
            <input id={`${id}-rate`} className="input" type="number" min={0} step={1} value={plan.kilobits} onChange={(event) => setPlan({ ...plan, kilobits: rate(event.target.value) })} />
          </div>
          {plan.hours.map((one, at) => (
            <div className="budget__hours" key={at}>
              <div className="field">
                <label htmlFor={`${id}-from-${at}`}>{t("linkBudget.from")}</label>
                <When id={`${id}-from-${at}`} kind="clock" required value={one.from} onValue={(from) => change(at, { from })} />
              </div>
              <div className="field">
                <label htmlFor={`${id}-to-${at}`}>{t("linkBudget.to")}</label>
                <When id={`${id}-to-${at}`} kind="clock" required value={one.to} onValue={(to) => change(at, { to })} />
              </div>
              <div className="field">
                <label htmlFor={`${id}-rate-${at}`}>{t("linkBudget.kilobits")}</label>
                <input id={`${id}-rate-${at}`} className="input" type="number" min={0} step={1} value={one.kilobits} onChange={(event) => change(at, { kilobits: rate(event.target.value) })} />
              </div>
              <IconButton label={t("linkBudget.remove")} onClick={() => setPlan({ ...plan, hours: plan.hours.filter((_, index) => index !== at) })}>
                <Trash2 aria-hidden />
              </IconButton>
            </div>
          ))}
          <Button size="small" disabled={plan.hours.length >= MOST_HOURS} onClick={() => setPlan({ ...plan, hours: [...plan.hours, NEW_HOURS] })}>
            <Plus aria-hidden /> {t("linkBudget.add")}
          </Button>
          <p className="muted">{t("linkBudget.hint")}</p>
        </>
      )}
      {save.isError && (
        <p className="note note--bad" role="alert">
          {problem(save.error)}
        </p>
      )}
    </Dialog>
  );
}
