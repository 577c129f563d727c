/** The four filters, a text each, as suricata-update reads them. */
import { Save } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { faultText } from "@/lib/faults";
import { Button, Card, useProblemText } from "@/ui/basics";
import { toast } from "@/ui/toasts";
import { useRunFeed, useSaveFilters, type Filters, type FilterFault } from "../api";

const FILTERS = ["disable", "enable", "modify", "drop"] as const;
const EXAMPLES: Record<(typeof FILTERS)[number], string> = {
  disable: "2019401\ngroup:emerging-games.rules\nre:coinhive",
  enable: "2000000-2000100\nmetadata: signature_severity Critical",
  modify: '2019401 "seconds \\d+" "seconds 3600"',
  drop: "metadata: deployment perimeter",
};

export function FilterEditor({ feed, filters, readOnly, hasContent }: { feed: number; filters: Filters; readOnly: boolean; hasContent: boolean }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const save = useSaveFilters(feed);
  const run = useRunFeed(feed);
  const [texts, setTexts] = useState(filters);
  const [kept, setKept] = useState(filters);
  const [faults, setFaults] = useState<readonly FilterFault[]>([]);
  const dirty = FILTERS.some((name) => texts[name] !== kept[name]);
  const keep = () =>
    save.mutate(
      { ...texts, revision: kept.revision },
      {
        onSuccess: (saved) => {
          setFaults(saved.faults);
          if (saved.faults.length > 0) return;
          setKept({ ...texts, revision: saved.revision });
          toast({ text: t("feeds.filtersSaved") });
          if (hasContent) run.mutate("stored", { onError: (error) => toast({ text: problem(error), bad: true }) });
        },
      },
    );
  return (
    <Card
      title={t("feeds.filters")}
      aside={
        !readOnly && (
          <Button look="primary" disabled={!dirty || save.isPending} onClick={keep}>
            <Save aria-hidden /> {t(hasContent ? "feeds.saveAndTry" : "feeds.save")}
          </Button>
        )
      }
    >
      <p className="muted">{t("feeds.filtersHint")}</p>
      {save.error && (
        <p className="field__error" role="alert">
          {problem(save.error)}
        </p>
      )}
      <div className="feeds__filters">
        {FILTERS.map((name) => (
          <div key={name} className="field">
            <label htmlFor={`${id}-${name}`}>{t(`feeds.filter.${name}`)}</label>
            <textarea id={`${id}-${name}`} className="textarea mono" rows={8} spellCheck={false} readOnly={readOnly} placeholder={EXAMPLES[name]} value={texts[name]} aria-describedby={`${id}-${name}-told`} onChange={(event) => setTexts({ ...texts, [name]: event.target.value })} />
            <div id={`${id}-${name}-told`}>
              <p className="muted">{t(`feeds.filterHint.${name}`)}</p>
              {faults
                .filter((fault) => fault.filter === name)
                .map((fault) => (
                  <p key={fault.line} className="field__error" role="alert">
                    {t("feeds.faultAt", { line: fault.line, reason: faultText(fault.reason, null, i18n.language) })}
                  </p>
                ))}
            </div>
          </div>
        ))}
      </div>
    </Card>
  );
}
