/** Choosing a time range, back from now or between two moments, and linking to it. */
import { CalendarClock, ChevronLeft, ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { dateTime, fromInput, isRelative, moment, toInput } from "@/lib/time";
import { Button, IconButton } from "@/ui/basics";
import { Popover } from "@/ui/popover";
import { Share } from "@/ui/share";
import { When } from "@/ui/when";

const PRESETS = ["15m", "1h", "6h", "24h", "3d", "7d", "30d", "90d"] as const;

interface TimeRangeProps {
  from: string;
  to: string;
  onChange: (from: string, to: string) => void;
}

export function TimeRange({ from, to, onChange }: TimeRangeProps) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const id = useId();
  const [open, setOpen] = useState(false);
  const [begin, setBegin] = useState("");
  const [end, setEnd] = useState("");
  const [wrong, setWrong] = useState(false);
  const [opened, setOpened] = useState(() => Date.now());
  const start = moment(from, opened) ?? opened;
  const stop = moment(to, opened) ?? opened;
  const preset = PRESETS.find((one) => from === `now-${one}` && to === "now");
  const shown = preset ? t(`range.${preset}`) : `${dateTime(start, zone)} – ${to === "now" ? t("range.now") : dateTime(stop, zone)}`;
  const iso = (time: number) => new Date(time).toISOString();
  /** From now on, not from when the page was opened. */
  const bounds = () => {
    const now = Date.now();
    return [moment(from, now) ?? now, moment(to, now) ?? now] as const;
  };
  const step = (direction: 1 | -1) => {
    const [first, last] = bounds();
    const length = last - first;
    onChange(iso(first + direction * length), iso(last + direction * length));
  };
  const openTo = (to: boolean) => {
    setOpen(to);
    if (!to) return;
    const [first, last] = bounds();
    setOpened(Date.now());
    setBegin(toInput(first, zone));
    setEnd(toInput(last, zone));
    setWrong(false);
  };
  return (
    <div className="range">
      <IconButton look="quiet" label={t("range.earlier")} onClick={() => step(-1)}>
        <ChevronLeft aria-hidden />
      </IconButton>
      <Popover
        label={t("range.title")}
        open={open}
        onOpenChange={openTo}
        trigger={
          <Button aria-label={`${t("range.title")}: ${shown}`}>
            <CalendarClock aria-hidden />
            <span className="tabular">{shown}</span>
          </Button>
        }
      >
        <div className="range__presets">
          {PRESETS.map((one) => (
            <Button
              key={one}
              size="small"
              aria-pressed={one === preset}
              onClick={() => {
                onChange(`now-${one}`, "now");
                setOpen(false);
              }}
            >
              {t(`range.${one}`)}
            </Button>
          ))}
        </div>
        <form
          className="range__form"
          onSubmit={(event) => {
            event.preventDefault();
            const first = fromInput(begin, zone);
            const last = fromInput(end, zone);
            if (first === null || last === null || first >= last) {
              setWrong(true);
              return;
            }
            onChange(iso(first), iso(last));
            setOpen(false);
          }}
        >
          <div className="field">
            <label htmlFor={`${id}-from`}>{t("range.from")}</label>
            <When id={`${id}-from`} kind="moment" value={begin} onValue={setBegin} />
          </div>
          <div className="field">
            <label htmlFor={`${id}-to`}>{t("range.to")}</label>
            <When id={`${id}-to`} kind="moment" value={end} onValue={setEnd} />
          </div>
          {wrong && (
            <p className="field__error" role="alert">
              {t("range.wrong")}
            </p>
          )}
          <p className="muted">{t("range.zone", { zone: zone === "UTC" ? "UTC" : t("zone.vietnam") })}</p>
          <Button type="submit" look="primary">
            {t("range.apply")}
          </Button>
        </form>
      </Popover>
      <IconButton look="quiet" label={t("range.later")} onClick={() => step(1)} disabled={isRelative(to)}>
        <ChevronRight aria-hidden />
      </IconButton>
      <Share
        moves={isRelative(from) || isRelative(to)}
        frozen={() => {
          const [first, last] = bounds();
          return { from: iso(first), to: iso(last) };
        }}
      />
    </div>
  );
}
