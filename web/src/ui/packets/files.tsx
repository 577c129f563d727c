/** The files that the packets of a piece of evidence carry: which, with what hashes, and one of them to take along. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FileDown, FileLock2 } from "lucide-react";
import { useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { bytes } from "@/lib/format";
import { saveBlob } from "@/lib/save";
import { Button, Empty, Failure, Loading, Partial, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { SortedTable, type Column } from "@/ui/sorted-table";

type File = Schemas["CarvedFile"];

const STATES = ["CLOSED", "TRUNCATED", "ERROR"] as const;
/** Of a hash, as much as tells files apart at a glance; the page of the file has all of it. */
const HASH_SHOWN = 16;

export function Files({ id }: { id: number }) {
  const { t, i18n } = useTranslation();
  const [wanted, setWanted] = useState<File>();
  const found = useQuery({
    queryKey: ["evidence", "files", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/evidence/{id}/files", { params: { path: { id } }, signal })),
    staleTime: Infinity,
    retry: false,
  });
  const columns = useMemo(
    (): Column<File>[] => [
      {
        head: t("files.name"),
        value: (file) => `${file.filename ?? ""} ${file.magic ?? ""}`,
        cell: (file) => (
          <>
            <span className="packets__name mono">{file.filename ?? t("files.nameless")}</span>
            {file.magic && (
              <span className="muted packets__magic" title={file.magic}>
                {file.magic}
              </span>
            )}
          </>
        ),
      },
      { head: t("files.size"), value: (file) => file.size, cell: (file) => <span className="nowrap">{bytes(file.size, i18n.language)}</span>, numeric: true },
      {
        head: t("files.state"),
        value: (file) => `${file.state} ${file.gaps}`,
        cell: (file) => {
          const state = STATES.find((one) => one === file.state);
          const whole = state === "CLOSED" && !file.gaps;
          return (
            <span className={`tag nowrap ${whole ? "" : "tag--warn"}`} title={file.gaps ? t("files.gapsHint") : undefined}>
              {file.gaps ? t("files.gaps") : t(`files.states.${state ?? "UNKNOWN"}`)}
            </span>
          );
        },
      },
      {
        head: t("files.way"),
        value: (file) => `${file.protocol} ${file.source} ${file.destination}`,
        cell: (file) => (
          <>
            {file.protocol}
            <span className="muted mono nowrap">{file.source} →</span>
            <span className="muted mono nowrap">{file.destination}</span>
          </>
        ),
      },
      { head: t("files.hashes"), value: (file) => `${file.sha256 ?? ""} ${file.sha1 ?? ""} ${file.md5 ?? ""}`, cell: (file) => <Hashes file={file} /> },
    ],
    [i18n.language, t],
  );
  if (found.isError) return <Failure small error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={4} />;
  const { items, left_out, password } = found.data;
  if (items.length === 0) return <Empty small title={t("files.none")} />;
  return (
    <>
      {left_out > 0 && <Partial>{t("files.leftOut", { count: left_out })}</Partial>}
      <div className="packets__list packets__files">
        <SortedTable
          caption={t("packets.files")}
          name="files"
          columns={columns}
          items={items}
          rowKey={(file) => file.number}
          actions={(file) => (
            <Button size="small" look="quiet" disabled={!file.held} title={file.held ? t("files.fetch") : t("files.notHeld")} aria-label={t("files.fetchOne", { name: nameOf(file) })} onClick={() => setWanted(file)}>
              <FileDown aria-hidden />
            </Button>
          )}
          empty={<Empty small title={t("files.none")} />}
        />
      </div>
      {wanted && <FetchDialog id={id} file={wanted} password={password} onClose={() => setWanted(undefined)} />}
    </>
  );
}

function nameOf(file: File): string {
  return file.filename ?? `#${file.number}`;
}

/** Each leads to what there is about the file. */
function Hashes({ file }: { file: File }) {
  const rows = [
    ["SHA-256", file.sha256],
    ["SHA-1", file.sha1],
    ["MD5", file.md5],
  ] as const;
  return (
    <span className="packets__hashes">
      {rows.map(
        ([name, hash]) =>
          hash && (
            <span key={name} className="packets__hash">
              <span className="muted">{name}</span>{" "}
              <Link to="/about/$kind/$value" params={{ kind: "files", value: hash }} search={{ from: "now-90d" }} className="mono" title={hash}>
                {hash.slice(0, HASH_SHOWN)}…
              </Link>
            </span>
          ),
      )}
    </span>
  );
}

function FetchDialog({ id, file, password, onClose }: { id: number; file: File; password: string; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const field = useId();
  const problem = useProblemText();
  const [reason, setReason] = useState("");
  const fetch = useMutation({
    mutationFn: () => body(api.POST("/api/v1/evidence/{id}/files/{number}", { params: { path: { id, number: file.number } }, body: { reason: reason.trim() }, parseAs: "blob" })),
    onSuccess: (archive: unknown) => {
      if (archive instanceof Blob) saveBlob(`${file.sha256 ?? `matluoi-${id}-${file.number}`}.zip`, archive);
      onClose();
    },
  });
  return (
    <Dialog
      title={t("files.fetch")}
      onClose={onClose}
      onSubmit={() => reason.trim() && fetch.mutate()}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={!reason.trim() || fetch.isPending}>
            <FileLock2 aria-hidden /> {t("files.fetchLocked")}
          </Button>
        </>
      }
    >
      <dl className="packets__file">
        <dt>{t("files.nameAlone")}</dt>
        <dd className="mono">{nameOf(file)}</dd>
        <dt>{t("files.size")}</dt>
        <dd>{bytes(file.size, i18n.language)}</dd>
        {file.sha256 && (
          <>
            <dt>SHA-256</dt>
            <dd className="mono">{file.sha256}</dd>
          </>
        )}
      </dl>
      <p className="note note--bad">{t("files.danger")}</p>
      <p>
        {t("files.locked")} <strong className="mono">{password}</strong>
      </p>
      {file.state !== "CLOSED" && <p className="note">{t("files.notWhole")}</p>}
      <div className="field">
        <label htmlFor={field}>{t("files.reason")}</label>
        <input id={field} className="input" maxLength={200} value={reason} aria-describedby={`${field}-hint`} onChange={(event) => setReason(event.target.value)} />
        <span id={`${field}-hint`} className="muted">
          {t("packets.reasonHint")}
        </span>
      </div>
      {fetch.isError && (
        <p className="note note--bad" role="alert">
          {problem(fetch.error)}
        </p>
      )}
    </Dialog>
  );
}
