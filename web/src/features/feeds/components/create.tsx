import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRights } from "@/lib/session";
import { Button, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { unitsQuery, useCreateFeed } from "../api";
import { OWN, PRESETS } from "../presets";
import { FeedFields } from "./form";

export function CreateDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const { user } = useRights();
  const navigate = useNavigate();
  const problem = useProblemText();
  const units = useQuery(unitsQuery);
  const create = useCreateFeed();
  const [preset, setPreset] = useState("");
  const [name, setName] = useState("");
  const [unit, setUnit] = useState(user.unit_id);
  const [request, setRequest] = useState(OWN);
  const choose = (chosen: string) => {
    const found = PRESETS.find((one) => one.name === chosen);
    setPreset(chosen);
    setName(found?.name ?? "");
    setRequest(found?.request ?? OWN);
  };
  const submit = () => create.mutate({ ...request, name, unit_id: unit }, { onSuccess: (made) => void navigate({ to: "/rule-feeds/$feed", params: { feed: String(made.id) } }) });
  return (
    <Dialog
      wide
      title={t("feeds.create")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={name.trim() === "" || create.isPending}>
            {t("feeds.create")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={`${id}-preset`}>{t("feeds.preset")}</label>
        <select id={`${id}-preset`} className="select" value={preset} onChange={(event) => choose(event.target.value)}>
          <option value="">{t("feeds.own")}</option>
          {PRESETS.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-name`}>{t("feeds.name")}</label>
        <input id={`${id}-name`} className="input" maxLength={100} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-unit`}>{t("account.unit")}</label>
        <select id={`${id}-unit`} className="select" value={unit} onChange={(event) => setUnit(Number(event.target.value))}>
          {units.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      <FeedFields request={request} onChange={setRequest} />
      {create.error && (
        <p className="field__error" role="alert">
          {problem(create.error)}
        </p>
      )}
    </Dialog>
  );
}
