/** Fields for a moment, a day or a time of day, written as everywhere on the page: `28/11/2026 17:30:05`. The browser's own
 * fields follow the language of the browser, in which 11/12 may be either of two days; of them only the calendar is used. */
import { CalendarDays } from "lucide-react";
import { useRef, useState, type InputHTMLAttributes } from "react";
import { useTranslation } from "react-i18next";
import { readWhen, writeWhen, type WhenKind } from "@/lib/when";

type WhenProps = Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value" | "type" | "max"> & {
  kind: WhenKind;
  /** As the browser's field has it: `2026-11-28T17:30:05`, `2026-11-28`, `17:30`; empty: none. */
  value: string;
  /** Empty while what is written means nothing. */
  onValue: (value: string) => void;
  /** The last day of the calendar. */
  max?: string;
};

export function When({ kind, value, onValue, max, className = "", ...rest }: WhenProps) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [writing, setWriting] = useState(false);
  const calendar = useRef<HTMLInputElement>(null);
  // What is being written stands as it is, and what means nothing stays to be mended; what comes from elsewhere replaces it.
  const kept = readWhen(kind, text) === "" ? text : "";
  const shown = writing ? text : value ? writeWhen(kind, value) : kept;
  const wrong = shown !== "" && readWhen(kind, shown) === "";
  return (
    <span className={`when when--${kind}`}>
      <input
        {...rest}
        className={`input tabular ${className}`}
        type="text"
        inputMode="numeric"
        autoComplete="off"
        placeholder={t(`when.${kind}`)}
        pattern={kind === "clock" ? "\\d{1,2}:\\d{2}" : undefined}
        aria-invalid={wrong || undefined}
        value={shown}
        onFocus={() => {
          setText(shown);
          setWriting(true);
        }}
        onBlur={() => setWriting(false)}
        onChange={(event) => {
          setText(event.target.value);
          onValue(readWhen(kind, event.target.value));
        }}
      />
      {kind !== "clock" && (
        <>
          <button type="button" className="when__open" aria-label={t("when.calendar")} onClick={() => calendar.current?.showPicker()}>
            <CalendarDays aria-hidden />
          </button>
          <input
            ref={calendar}
            className="when__calendar"
            type="date"
            tabIndex={-1}
            aria-hidden
            max={max}
            value={value.slice(0, 10)}
            onChange={(event) => {
              const day = event.target.value;
              if (day) onValue(kind === "day" ? day : `${day}T${value.slice(11) || "00:00:00"}`);
            }}
          />
        </>
      )}
    </span>
  );
}
