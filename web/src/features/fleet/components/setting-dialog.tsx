/** Changes one setting: first its value, then what that would do, and why. */
import { Check, Eye } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { useChangeSettings, usePreview, type Preview, type Setting, type Target } from "../api";
import { settingName, settingOf, settingValue } from "./words";

interface SettingDialogProps {
  target: Target;
  settings: readonly Setting[];
  name?: string;
  value?: string;
  /** It is taken back: inherited again, or as the sensor's own file says. */
  back?: boolean;
  onClose: () => void;
}

export function SettingDialog({ target, settings, name: given, value: before, back, onClose }: SettingDialogProps) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const preview = usePreview();
  const change = useChangeSettings();
  const [chosen, setChosen] = useState(settings[0]?.name ?? "");
  const [variable, setVariable] = useState("HOME_NET");
  const [value, setValue] = useState<string>();
  const [why, setWhy] = useState("");
  const setting = settingOf(settings, given ?? chosen);
  const name = given ?? (chosen.endsWith("*") ? chosen.slice(0, -1) + variable.trim() : chosen);
  const text = value ?? before ?? (setting?.kind === "choice" ? (setting.words[0] ?? "") : "");
  const changes = [back ? { name } : { name, value: text }];
  const shown = preview.data;
  const edit = (next: string) => {
    setValue(next);
    preview.reset();
  };
  const submit = () => {
    if (!shown) {
      preview.mutate({ ...target, changes });
      return;
    }
    if (!why.trim()) return;
    change.mutate(
      { ...target, changes, revision: shown.revision, why: why.trim() },
      {
        onSuccess: (done) => {
          toast({ text: t("fleet.done", { count: done.changed }) });
          onClose();
        },
      },
    );
  };
  return (
    <Dialog
      title={back ? t("fleet.takeBack") : t("fleet.set")}
      wide
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          {shown ? (
            <Button type="submit" look="primary" disabled={!why.trim() || change.isPending}>
              <Check aria-hidden /> {t("fleet.apply")}
            </Button>
          ) : (
            <Button type="submit" look="primary" disabled={preview.isPending || name === ""}>
              <Eye aria-hidden /> {t("fleet.preview")}
            </Button>
          )}
        </>
      }
    >
      {given === undefined ? (
        <div className="field">
          <label htmlFor={`${id}-name`}>{t("fleet.setting")}</label>
          <select
            id={`${id}-name`}
            className="select"
            value={chosen}
            onChange={(event) => {
              setChosen(event.target.value);
              setValue(undefined);
              preview.reset();
            }}
          >
            {settings.map((one) => (
              <option key={one.name} value={one.name}>
                {settingName(one.name, t)}
              </option>
            ))}
          </select>
        </div>
      ) : (
        <p>
          <strong>{settingName(given, t)}</strong> <span className="muted mono">{given}</span>
        </p>
      )}
      {given === undefined && chosen.endsWith("*") && (
        <div className="field">
          <label htmlFor={`${id}-variable`}>{t("fleet.variable")}</label>
          <input
            id={`${id}-variable`}
            className="input mono"
            maxLength={60}
            value={variable}
            onChange={(event) => {
              setVariable(event.target.value);
              preview.reset();
            }}
          />
        </div>
      )}
      {back ? <p>{t("fleet.takeBackHint")}</p> : setting && <Value id={id} setting={setting} name={name} value={text} onChange={edit} />}
      {setting && <p className="muted">{t(`fleet.effect.${setting.effect}`)}</p>}
      {preview.isError && (
        <p className="note note--bad" role="alert">
          {problem(preview.error)}
        </p>
      )}
      {shown && <Shown preview={shown} />}
      {shown && (
        <div className="field">
          <label htmlFor={`${id}-why`}>{t("fleet.why")}</label>
          <textarea id={`${id}-why`} className="textarea" maxLength={1_000} value={why} onChange={(event) => setWhy(event.target.value)} />
        </div>
      )}
      {change.isError && (
        <p className="note note--bad" role="alert">
          {problem(change.error)}
        </p>
      )}
    </Dialog>
  );
}

function Value({ id, setting, name, value, onChange }: { id: string; setting: Setting; name: string; value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const field = `${id}-value`;
  if (setting.kind === "words") {
    const on = new Set(value.split(",").map((one) => one.trim()).filter(Boolean));
    return (
      <fieldset className="field">
        <legend>{settingName(setting.name, t)}</legend>
        <div className="fleet__words">
          {setting.words.map((word) => (
            <label key={word}>
              <input
                type="checkbox"
                checked={on.has(word)}
                onChange={(event) => {
                  if (event.target.checked) on.add(word);
                  else on.delete(word);
                  onChange([...on].sort().join(","));
                }}
              />
              <span className="mono">{word}</span>
            </label>
          ))}
        </div>
      </fieldset>
    );
  }
  return (
    <div className="field">
      <label htmlFor={field}>
        {t("fleet.wanted")} {setting.unit && `(${setting.unit})`}
      </label>
      {setting.kind === "choice" ? (
        <select id={field} className="select" value={value} onChange={(event) => onChange(event.target.value)}>
          {setting.words.map((word) => (
            <option key={word} value={word}>
              {settingValue(name, word, t)}
            </option>
          ))}
        </select>
      ) : setting.kind === "number" ? (
        <input id={field} className="input" type="number" required min={setting.least ?? undefined} max={setting.most ?? undefined} value={value} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <input id={field} className="input mono" required maxLength={8_192} placeholder={setting.kind === "addresses" ? "[10.0.0.0/8,192.168.0.0/16]" : "[80,8080]"} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
    </div>
  );
}

/** What a change would do. */
function Shown({ preview }: { preview: Preview }) {
  const { t } = useTranslation();
  const value = (name: string, one: string | null | undefined) => (one === null || one === undefined ? t("fleet.ownFile") : settingValue(name, one, t));
  const rows = preview.sensors.flatMap((sensor) => sensor.changes.map((change) => ({ sensor, change })));
  return (
    <div role="status">
      <p>
        <strong>{t("fleet.changes", { count: preview.changed })}</strong> {preview.restarted > 0 && t("fleet.restarts", { count: preview.restarted })} {preview.unchanged > 0 && t("fleet.unchanged", { count: preview.unchanged })}
      </p>
      {rows.length > 0 && (
        <div className="fleet__preview">
          <SortedTable
            caption={t("fleet.preview")}
            name="fleet-preview"
            items={rows}
            rowKey={({ sensor, change }) => `${sensor.sensor_id} ${change.name}`}
            columns={[
              {
                head: t("sensors.name"),
                value: ({ sensor }) => sensor.name,
                cell: ({ sensor }) => (
                  <>
                    {sensor.name} {!sensor.connected && <span className="tag">{t("sensorState.offline")}</span>}
                  </>
                ),
              },
              { head: t("sensors.unit"), value: ({ sensor }) => sensor.unit_name },
              { head: t("fleet.before"), value: ({ change }) => value(change.name, change.before) },
              { head: t("fleet.after"), value: ({ change }) => value(change.name, change.after) },
            ]}
            empty={null}
          />
        </div>
      )}
    </div>
  );
}
