/** What came of a run, as a word, a picture and a colour. */
import { CircleCheck, CircleX, Clock, Equal, LoaderCircle, RadioTower } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { FeedRun } from "../api";

const LOOKS = {
  running: { tone: "", Icon: LoaderCircle },
  unchanged: { tone: "tag--good", Icon: Equal },
  kept: { tone: "tag--warn", Icon: Clock },
  published: { tone: "tag--good", Icon: RadioTower },
  failed: { tone: "tag--bad", Icon: CircleX },
} as const;

export const STATUSES = Object.keys(LOOKS) as (keyof typeof LOOKS)[];

export function Status({ run, published }: { run: FeedRun; published?: number | null }) {
  const { t } = useTranslation();
  const told = STATUSES.find((one) => one === run.status) ?? "failed";
  // What somebody has published since waits no more.
  const isOut = told === "kept" && run.number !== null && run.number === published;
  const { tone, Icon } = isOut ? { tone: "tag--good", Icon: CircleCheck } : LOOKS[told];
  return (
    <span className={`tag ${tone}`}>
      <Icon aria-hidden /> {isOut ? t("feeds.status.out") : t(`feeds.status.${told}`)}
      {told === "running" && run.report.step !== "" && `: ${t(`feeds.step.${run.report.step}`, { defaultValue: run.report.step })}`}
    </span>
  );
}

/** Why a run failed: the collector's word for it, translated, and what it says of the particulars. */
export function Reason({ run }: { run: FeedRun }) {
  const { t } = useTranslation();
  const error = run.report.error;
  if (!error) return null;
  return (
    <p className="note note--bad">
      {t(`feeds.error.${error.code}`, { defaultValue: error.code })}
      {error.detail && (
        <>
          <br />
          <span className="feeds__detail">{error.detail}</span>
        </>
      )}
    </p>
  );
}
