/** One case: its clocks, its line of time, what belongs to it, and what is left to do. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowLeft, Braces, Download, FileArchive, FileText, Merge, Paperclip, Plus, Trash2, Unlink } from "lucide-react";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { bytes } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime, fromInput, instant, shortTime } from "@/lib/time";
import { Button, buttonClass, Card, IconButton, Severity } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { SortedTable } from "@/ui/sorted-table";
import { Unready } from "@/ui/unready";
import { When } from "@/ui/when";
import { caseQuery, casesQuery, useCase, type CaseContent } from "./api";
import { Clocks } from "./components/clocks";
import "./cases.css";

const route = getRouteApi("/signed-in/cases/$case");
const STATUSES = ["open", "contained", "closed"] as const;
const PARTS = ["victim", "attacker", "other"] as const;
const FIELDS = ["summary", "cause", "impact", "remedy"] as const;

export function CasePage() {
  const { t, i18n } = useTranslation();
  const id = Number(route.useParams().case);
  const navigate = route.useNavigate();
  const { analyst, user } = useRights();
  const found = useQuery(caseQuery(id));
  const { put, change, merge, addFile } = useCase(id);
  const [merging, setMerging] = useState(false);
  const note = useRef<HTMLTextAreaElement>(null);
  const one = found.data?.case;
  useKeys({ u: () => void navigate({ to: "/cases" }), c: () => note.current?.focus(), r: () => void found.refetch() }, !merging);
  useEffect(() => {
    if (one) document.title = `#${one.id} ${one.title} – Mắt Lưới`;
  }, [one]);
  const back = (
    <Link to="/cases" className={buttonClass("quiet")} aria-label={t("cases.back")}>
      <ArrowLeft aria-hidden />
    </Link>
  );
  if (!found.data || !one) return <Unready title={`${t("nav.cases")} #${id}`} back={back} found={found} />;
  const may = analyst && one.status !== "merged";
  const set = (to: Parameters<typeof change.mutate>[0]) => change.mutate({ version: one.version, ...to });
  const language = i18n.language === "en" ? "en" : "vi";
  return (
    <div className="page">
      <div className="page__head detail__head">
        {back}
        <Severity level={one.severity} />
        <div className="detail__title">
          <h1>{one.title}</h1>
          <p className="muted cut">{t("cases.madeBy", { id: one.id, user: one.created_by, time: dateTime(one.created) })}</p>
        </div>
        <label className="cases__inline">
          {t("cases.status")}{" "}
          <select className="select" disabled={!may} value={one.status} onChange={(event) => set({ status: event.target.value })}>
            {STATUSES.map((status) => (
              <option key={status} value={status}>
                {t(`cases.statuses.${status}`)}
              </option>
            ))}
            {one.status === "merged" && <option value="merged">{t("cases.statuses.merged")}</option>}
          </select>
        </label>
        {may && one.owner !== user.name && <Button onClick={() => set({ owner: user.name })}>{t("action.assignMe")}</Button>}
        {one.owner && <span className="tag">{one.owner}</span>}
        <Menu
          align="end"
          label={t("common.export")}
          trigger={
            <Button>
              <Download aria-hidden /> {t("common.export")}
            </Button>
          }
        >
          {(["pdf", "docx"] as const).map((form) => (
            <MenuItem key={form} icon={FileText} onSelect={() => location.assign(`/api/v1/reports/case/${one.id}?form=${form}&language=${language}`)}>
              {t("cases.sheet", { form: form.toUpperCase() })}
            </MenuItem>
          ))}
          <MenuItem icon={Braces} onSelect={() => location.assign(`/api/v1/cases/${one.id}/export`)}>
            JSON
          </MenuItem>
          <MenuLine />
          <MenuItem icon={FileArchive} onSelect={() => location.assign(`/api/v1/cases/${one.id}/package?language=${language}`)}>
            {t("cases.package")}
          </MenuItem>
        </Menu>
        {may && (
          <Button onClick={() => setMerging(true)}>
            <Merge aria-hidden /> {t("cases.merge")}
          </Button>
        )}
      </div>
      <div className="page__body">
        {one.merged_into && (
          <p className="note">
            {t("cases.mergedInto")}{" "}
            <Link to="/cases/$case" params={{ case: String(one.merged_into) }}>
              #{one.merged_into}
            </Link>
          </p>
        )}
        <div className="cases__flags">
          {one.clocks.length > 0 && <Clocks clocks={one.clocks} onChange={may ? set : undefined} />}
          <label>
            <input type="checkbox" disabled={!may} checked={one.serious} onChange={(event) => set({ serious: event.target.checked })} /> {t("cases.serious")}
          </label>
          <label>
            <input type="checkbox" disabled={!may} checked={one.personal_data} onChange={(event) => set({ personal_data: event.target.checked })} /> {t("cases.personal")}
          </label>
        </div>
        <div className="detail">
          <div className="detail__main">
            <Facts content={found.data} may={may} onSave={set} />
            <Timeline content={found.data} may={may} note={note} onPut={put.mutate} />
            <Groups content={found.data} may={may} onRemove={(group) => put.mutate({ remove_group: group })} />
          </div>
          <div className="detail__side">
            <Tasks content={found.data} may={may} onPut={put.mutate} />
            <Hosts content={found.data} may={may} onPut={put.mutate} />
            <Card title={t("cases.files")} aside={may && <AddFile onFile={addFile.mutate} busy={addFile.isPending} />}>
              {found.data.files.length === 0 ? (
                <p className="muted">{t("cases.noFiles")}</p>
              ) : (
                <ul className="cases__list">
                  {found.data.files.map((file) => (
                    <li key={file.id}>
                      <Paperclip aria-hidden />
                      <span>
                        <a href={`/api/v1/cases/${id}/files/${file.id}`}>{file.name}</a>
                        <span className="muted">
                          {" "}
                          {bytes(file.size, i18n.language)} · {file.added_by}
                        </span>
                        <br />
                        <code className="muted cut" title={file.sha256}>
                          SHA-256 {file.sha256.slice(0, 16)}…
                        </code>
                      </span>
                    </li>
                  ))}
                </ul>
              )}
            </Card>
          </div>
        </div>
      </div>
      {merging && (
        <MergeDialog
          id={id}
          onClose={() => setMerging(false)}
          onDone={(into) => {
            setMerging(false);
            merge.mutate(into, { onSuccess: () => void navigate({ to: "/cases/$case", params: { case: String(into) } }) });
          }}
        />
      )}
    </div>
  );
}

type OnPut = ReturnType<typeof useCase>["put"]["mutate"];

function Facts({ content, may, onSave }: { content: CaseContent; may: boolean; onSave: (to: Partial<Record<(typeof FIELDS)[number], string>>) => void }) {
  const { t } = useTranslation();
  const [editing, setEditing] = useState(false);
  const [drafts, setDrafts] = useState<Partial<Record<(typeof FIELDS)[number], string>>>({});
  return (
    <Card
      title={t("cases.facts")}
      aside={
        may && (
          <Button
            size="small"
            onClick={() => {
              if (editing && Object.keys(drafts).length > 0) onSave(drafts);
              setDrafts({});
              setEditing(!editing);
            }}
          >
            {t(editing ? "cases.save" : "cases.edit")}
          </Button>
        )
      }
    >
      <dl className="cases__facts">
        {FIELDS.map((field) => (
          <div key={field}>
            <dt>{t(`cases.field.${field}`)}</dt>
            <dd>
              {editing ? (
                <textarea className="textarea" aria-label={t(`cases.field.${field}`)} maxLength={10_000} value={drafts[field] ?? content.case[field]} onChange={(event) => setDrafts({ ...drafts, [field]: event.target.value })} />
              ) : (
                content.case[field] || <span className="muted">–</span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Timeline({ content, may, note, onPut }: { content: CaseContent; may: boolean; note: React.Ref<HTMLTextAreaElement>; onPut: OnPut }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const [text, setText] = useState("");
  const [at, setAt] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    const moment = at ? fromInput(at) : null;
    onPut(moment === null ? { note: text.trim() } : { happened: { at: new Date(moment).toISOString(), text: text.trim() } }, {
      onSuccess: () => {
        setText("");
        setAt("");
      },
    });
  };
  const told = (kind: string, what: string) => {
    if (kind === "status") return t(`cases.statuses.${what}`);
    if (kind === "clock") return t(`clock.name.${what}`);
    return what;
  };
  return (
    <Card title={t("cases.timeline")}>
      {may && (
        <form className="cases__note" onSubmit={submit}>
          <textarea ref={note} className="textarea" aria-label={t("comment.label")} placeholder={t("cases.noteHint")} maxLength={10_000} value={text} onChange={(event) => setText(event.target.value)} />
          <div className="cases__row">
            <label>
              {t("cases.happenedAt")} <When kind="moment" value={at} onValue={setAt} />
            </label>
            <span className="spring" />
            <Button type="submit" look="primary" disabled={!text.trim()}>
              {t("cases.addNote")}
            </Button>
          </div>
        </form>
      )}
      <ol className="cases__events">
        {[...content.events]
          .sort((a, b) => instant(b.at).getTime() - instant(a.at).getTime() || b.id - a.id)
          .map((event) => (
            <li key={event.id} className={`cases__event cases__event--${event.kind}`}>
              <span className="tabular muted nowrap">{dateTime(event.at, zone)}</span>
              <span>
                <span className="tag">{t(`cases.event.${event.kind}`)}</span> {told(event.kind, event.text)} <span className="muted">· {event.user}</span>
                {!event.intact && (
                  <span className="tag tag--bad">
                    <Unlink aria-hidden /> {t("history.broken")}
                  </span>
                )}
              </span>
            </li>
          ))}
      </ol>
    </Card>
  );
}

function Groups({ content, may, onRemove }: { content: CaseContent; may: boolean; onRemove: (group: number) => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const titleOf = (group: CaseContent["groups"][number]) => (group.title ? group.title[i18n.language === "en" ? "en" : "vi"] : group.signature);
  return (
    <Card title={t("cases.groups")} bare>
      <SortedTable
        caption={t("cases.groups")}
        name={`case-${content.case.id}-alerts`}
        items={content.groups}
        rowKey={(group) => group.id}
        columns={[
          { head: t("column.risk"), value: (group) => group.severity, cell: (group) => <Severity level={group.severity} /> },
          {
            head: t("column.alert"),
            value: titleOf,
            cell: (group) => (
              <Link to="/alerts/$group" params={{ group: String(group.id) }}>
                {titleOf(group)}
              </Link>
            ),
          },
          { head: t("column.path"), value: (group) => `${group.source} → ${group.destination}`, cell: (group) => <span className="mono nowrap">{`${group.source} → ${group.destination}`}</span> },
          { head: t("column.last"), value: (group) => group.last, cell: (group) => <span className="nowrap tabular">{shortTime(group.last, undefined, zone)}</span> },
          { head: t("cases.status"), value: (group) => t(`status.${group.status}`) },
        ]}
        actions={
          may
            ? (group) => (
                <IconButton size="small" look="quiet" label={t("cases.removeGroup")} onClick={() => onRemove(group.id)}>
                  <Trash2 aria-hidden />
                </IconButton>
              )
            : undefined
        }
        empty={<p className="muted card__body">{t("cases.noGroups")}</p>}
      />
    </Card>
  );
}

function Tasks({ content, may, onPut }: { content: CaseContent; may: boolean; onPut: OnPut }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const [title, setTitle] = useState("");
  return (
    <Card title={t("cases.tasks")} aside={<span className="muted tabular">{content.tasks.filter((task) => task.done).length} / {content.tasks.length}</span>}>
      <ul className="checklist">
        {content.tasks.map((task) => (
          <li key={task.id}>
            <label className={task.done ? "is-done" : ""}>
              <input type="checkbox" disabled={!may} checked={Boolean(task.done)} onChange={(event) => onPut({ task_done: { id: task.id, done: event.target.checked } })} />
              <span>
                {task.title}
                {task.done_by && <span className="muted"> · {task.done_by}</span>}
                {task.due && !task.done && <span className="muted"> · {shortTime(task.due, undefined, zone)}</span>}
              </span>
            </label>
          </li>
        ))}
      </ul>
      {may && (
        <form
          className="cases__row"
          onSubmit={(event) => {
            event.preventDefault();
            if (title.trim()) onPut({ task: { title: title.trim() } }, { onSuccess: () => setTitle("") });
          }}
        >
          <input className="input" aria-label={t("cases.newTask")} placeholder={t("cases.newTask")} maxLength={110} value={title} onChange={(event) => setTitle(event.target.value)} />
          <Button type="submit" className="button--icon" aria-label={t("cases.addTask")} disabled={!title.trim()}>
            <Plus aria-hidden />
          </Button>
        </form>
      )}
    </Card>
  );
}

function Hosts({ content, may, onPut }: { content: CaseContent; may: boolean; onPut: OnPut }) {
  const { t } = useTranslation();
  const [address, setAddress] = useState("");
  return (
    <Card title={t("cases.hosts")}>
      <ul className="cases__list">
        {content.hosts.map((host) => (
          <li key={host.address}>
            <span className="mono cut">{host.address}</span>
            <select className="select" aria-label={t("cases.part", { address: host.address })} disabled={!may} value={host.part} onChange={(event) => onPut({ host: { address: host.address, part: event.target.value, note: host.note } })}>
              {PARTS.map((part) => (
                <option key={part} value={part}>
                  {t(`cases.parts.${part}`)}
                </option>
              ))}
            </select>
            {may && (
              <IconButton size="small" look="quiet" label={t("cases.removeHost", { address: host.address })} onClick={() => onPut({ remove_host: host.address })}>
                <Trash2 aria-hidden />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {may && (
        <form
          className="cases__row"
          onSubmit={(event) => {
            event.preventDefault();
            if (address.trim()) onPut({ host: { address: address.trim(), part: "victim", note: "" } }, { onSuccess: () => setAddress("") });
          }}
        >
          <input className="input mono" aria-label={t("cases.newHost")} placeholder={t("cases.newHost")} maxLength={110} value={address} onChange={(event) => setAddress(event.target.value)} />
          <Button type="submit" className="button--icon" aria-label={t("cases.addHost")} disabled={!address.trim()}>
            <Plus aria-hidden />
          </Button>
        </form>
      )}
    </Card>
  );
}

function AddFile({ onFile, busy }: { onFile: (file: File) => void; busy: boolean }) {
  const { t } = useTranslation();
  return (
    <label className={`${buttonClass("plain", "small")} cases__file`}>
      <Paperclip aria-hidden /> {t("cases.addFile")}
      <input
        type="file"
        className="hidden"
        disabled={busy}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onFile(file);
          event.target.value = "";
        }}
      />
    </label>
  );
}

function MergeDialog({ id, onClose, onDone }: { id: number; onClose: () => void; onDone: (into: number) => void }) {
  const { t } = useTranslation();
  const others = useQuery(casesQuery({}));
  const [into, setInto] = useState(0);
  return (
    <Dialog
      title={t("cases.mergeTitle")}
      onClose={onClose}
      onSubmit={() => into > 0 && onDone(into)}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={into === 0}>
            {t("cases.merge")}
          </Button>
        </>
      }
    >
      <p className="muted">{t("cases.mergeHint")}</p>
      <select className="select" aria-label={t("cases.mergeTitle")} value={into} onChange={(event) => setInto(Number(event.target.value))}>
        <option value={0}>–</option>
        {others.data?.items
          .filter((one) => one.id !== id)
          .map((one) => (
            <option key={one.id} value={one.id}>
              #{one.id} {one.title}
            </option>
          ))}
      </select>
    </Dialog>
  );
}
