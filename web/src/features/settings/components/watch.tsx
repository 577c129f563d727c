/** From where on something is called wrong. */
import { useQuery } from "@tanstack/react-query";
import { Save } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { Button, Card, Failure, Loading } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { Fault, Text } from "@/ui/form";
import { useSetWatch, watchQuery } from "../api";

type Settings = Required<Schemas["WatchSettings"]>;
type Figure = Exclude<keyof Settings, "ruleset_hash">;

const FIGURES: readonly { name: Figure; most: number; step: number }[] = [
  { name: "disconnected_seconds", most: 86_400, step: 1 },
  { name: "silent_percent", most: 100, step: 1 },
  { name: "drop_percent", most: 100, step: 0.1 },
  { name: "spool_percent", most: 100, step: 1 },
  { name: "clock_skew_seconds", most: 86_400, step: 1 },
  { name: "disk_days", most: 3_650, step: 1 },
];

export function Watch() {
  const { t } = useTranslation();
  const settings = useQuery(watchQuery);
  return (
    <Card title={t("settings.tab.alarms")}>
      <p className="settings__text">{t("alarms.settingsText")}</p>
      {settings.isPending ? (
        <Loading rows={6} />
      ) : settings.isLoadingError ? (
        <Failure small error={settings.error} retry={() => void settings.refetch()} />
      ) : (
        <Form before={settings.data} />
      )}
    </Card>
  );
}

function Form({ before }: { before: Schemas["WatchSettings"] }) {
  const { t } = useTranslation();
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(FIGURES.map(({ name }) => [name, String(before[name] ?? "")])));
  const [rules, setRules] = useState(before.ruleset_hash ?? "");
  const set = useSetWatch();
  const value = (name: Figure) => Number(texts[name] || Number.NaN);
  const fits = FIGURES.every(({ name, most, step }) => value(name) >= 0 && value(name) <= most && (step < 1 || Number.isInteger(value(name))));
  return (
    <form
      className="settings__form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!fits) return;
        const asked = {
          disconnected_seconds: value("disconnected_seconds"), silent_percent: value("silent_percent"), drop_percent: value("drop_percent"),
          spool_percent: value("spool_percent"), clock_skew_seconds: value("clock_skew_seconds"), disk_days: value("disk_days"), ruleset_hash: rules.trim(),
        };
        set.mutate(asked, { onSuccess: () => toast({ text: t("settings.saved") }) });
      }}
    >
      <div className="settings__grid">
        {FIGURES.map(({ name, most, step }) => (
          <Text key={name} label={t(`alarms.limit.${name}`)} type="number" min={0} max={most} step={step} value={texts[name]} onText={(text) => setTexts({ ...texts, [name]: text })} />
        ))}
      </div>
      <Text label={t("alarms.limit.ruleset_hash")} hint={t("alarms.rulesetHint")} className="mono" maxLength={200} value={rules} onText={setRules} />
      <Fault error={set.error} />
      <div>
        <Button look="primary" type="submit" disabled={!fits || set.isPending}>
          <Save aria-hidden /> {t("settings.save")}
        </Button>
      </div>
    </form>
  );
}
