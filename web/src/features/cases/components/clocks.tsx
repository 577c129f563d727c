/** The clocks of an incident: what is due, until when, and what was sent. */
import { AlarmClock, AlarmClockCheck, AlarmClockOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { ago, dateTime } from "@/lib/time";
import { Button } from "@/ui/basics";
import type { Case, Change } from "../api";

type Clock = Case["clocks"][number];

export function Clocks({ clocks, onChange }: { clocks: readonly Clock[]; onChange?: (to: Change) => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  return (
    <ul className="clocks" aria-label={t("clock.title")}>
      {clocks.map((clock) => {
        const Icon = clock.sent ? AlarmClockCheck : clock.late ? AlarmClockOff : AlarmClock;
        const state = clock.sent ? (clock.late ? "sentLate" : "sent") : clock.late ? "late" : "running";
        return (
          <li key={clock.name} className={`clocks__one clocks__one--${state}`}>
            <Icon aria-hidden />
            <span>
              <strong>{t(`clock.name.${clock.name}`)}</strong>
              <span>
                {clock.sent
                  ? t(`clock.${state}`, { time: dateTime(clock.sent, zone) })
                  : t(`clock.${state}`, { time: dateTime(clock.due, zone), ago: ago(clock.due, i18n.language) })}
              </span>
            </span>
            {onChange && (
              <Button size="small" onClick={() => onChange({ [`${clock.name}_sent`]: clock.sent ? "" : "now" })}>
                {t(clock.sent ? "clock.notSent" : "clock.markSent")}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
