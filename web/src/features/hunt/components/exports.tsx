/** Files of what a search finds: made by the collector, fetched when they are ready. */
import { useQuery } from "@tanstack/react-query";
import { Download, FileDown, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { bytes, number, percent } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { dayTime } from "@/lib/time";
import { Button, buttonClass, Empty, IconButton, Loading, useProblemText } from "@/ui/basics";
import { Popover } from "@/ui/popover";
import { toast } from "@/ui/toasts";
import { exportsQuery, useDeleteExport, useExport } from "../api";
import type { HuntSearch } from "../route";

const FORMATS = ["csv", "ndjson", "parquet"] as const;
/** The collector's cap on one file. */
const MOST_ROWS = 1_000_000;

export function Exports({ search, columns, total }: { search: HuntSearch; columns: readonly string[]; total: number }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const [open, setOpen] = useState(false);
  const exports = useQuery({ ...exportsQuery, enabled: open });
  const make = useExport();
  const remove = useDeleteExport();
  const problem = useProblemText();
  const told = { onError: (error: Error) => toast({ text: problem(error), bad: true }) };
  return (
    <Popover
      label={t("common.export")}
      open={open}
      onOpenChange={setOpen}
      trigger={
        <Button disabled={total === 0 && !open}>
          <Download aria-hidden /> {t("common.export")}
        </Button>
      }
    >
      <div className="saved">
        <div className="saved__head">
          <h2>{t("hunt.exportAll", { count: Math.min(total, MOST_ROWS), shown: number(Math.min(total, MOST_ROWS), i18n.language) })}</h2>
        </div>
        <div className="exports__formats">
          {FORMATS.map((format) => (
            <Button key={format} look="primary" size="small" disabled={make.isPending} onClick={() => make.mutate({ search, format, columns }, told)}>
              {format === "parquet" ? "Parquet" : format.toUpperCase()}
            </Button>
          ))}
        </div>
        <p className="muted">
          {t("hunt.exportNote")}
          {search.remote !== undefined && ` ${t("hunt.exportRemote")}`}
        </p>
        {exports.isPending ? (
          <Loading rows={2} />
        ) : !exports.data || exports.data.length === 0 ? (
          <Empty small title={t("hunt.noExports")} />
        ) : (
          <ul>
            {exports.data.map((one) => {
              const share = one.total > 0 ? one.rows / one.total : 0;
              return (
                <li key={one.id}>
                  <div className="saved__open">
                    <span className="mono cut">{one.q || "*"}</span>
                    <span className="muted">
                      {one.format.toUpperCase()} · {t(`hunt.exportStatus.${one.status}`)} · {number(one.rows, i18n.language)} · {bytes(one.bytes, i18n.language)} · {t("hunt.expires", { time: dayTime(one.expires, zone) })}
                      {!one.complete && ` · ${t("hunt.incomplete")}`}
                      {one.archived && ` · ${t("archive.leftOut", { count: one.archived.days })}`}
                    </span>
                    {one.status === "running" && (
                      <progress max={1} value={share} aria-label={t("hunt.exportProgress")}>
                        {percent(share, i18n.language)}
                      </progress>
                    )}
                  </div>
                  {one.status === "ready" && (
                    <a className={`${buttonClass("plain", "small")} button--icon`} href={`/api/v1/exports/${one.id}/file`} download aria-label={t("hunt.fetch")} title={t("hunt.fetch")}>
                      <FileDown aria-hidden />
                    </a>
                  )}
                  <IconButton look="quiet" size="small" label={t("hunt.deleteExport")} onClick={() => remove.mutate(one.id, told)}>
                    <Trash2 aria-hidden />
                  </IconButton>
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </Popover>
  );
}
