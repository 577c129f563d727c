import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useRights } from "@/lib/session";
import { FormDialog, Pick, Text, UnitPick } from "@/ui/form";
import { useCreateFeed } from "../api";
import { OWN, PRESETS } from "../presets";
import { FeedFields } from "./form";

export function CreateDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useRights();
  const navigate = useNavigate();
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
    <FormDialog wide title={t("feeds.create")} submit={t("feeds.create")} ready={name.trim() !== "" && !create.isPending} error={create.error} onSubmit={submit} onClose={onClose}>
      <Pick label={t("feeds.preset")} value={preset} options={[{ value: "", label: t("feeds.own") }, ...PRESETS.map((one) => ({ value: one.name, label: one.name }))]} onPick={choose} />
      <Text label={t("feeds.name")} maxLength={100} value={name} onText={setName} />
      <UnitPick value={unit} onPick={setUnit} />
      <FeedFields request={request} onChange={setRequest} />
    </FormDialog>
  );
}
