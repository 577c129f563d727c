/** Searches that were kept, and those that were run. */
import { useQuery } from "@tanstack/react-query";
import { Bookmark, BookmarkPlus, History, Trash2, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { ago } from "@/lib/time";
import { Button, Empty, IconButton, Loading, useProblemText } from "@/ui/basics";
import { FormDialog, Text } from "@/ui/form";
import { Popover } from "@/ui/popover";
import { toast } from "@/ui/toasts";
import { historyQuery, savedQuery, useDeleteSearch, useSaveSearch } from "../api";
import { CLASSES, USUAL_FROM, type HuntSearch } from "../route";

interface SavedProps {
  search: HuntSearch;
  columns: readonly string[];
  onOpen: (search: HuntSearch) => void;
}

/** A search as its address holds it. */
function address(found: { q: string; from: string; to: string; class?: string | null; columns?: string[] }): HuntSearch {
  return {
    q: found.q || undefined,
    from: found.from && found.from !== USUAL_FROM ? found.from : undefined,
    to: found.to && found.to !== "now" ? found.to : undefined,
    class: CLASSES.find((one) => one === found.class),
    cols: found.columns && found.columns.length > 0 ? found.columns : undefined,
  };
}

export function Saved({ search, columns, onOpen }: SavedProps) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const [saving, setSaving] = useState(false);
  const saved = useQuery({ ...savedQuery, enabled: open });
  const history = useQuery({ ...historyQuery, enabled: open });
  const remove = useDeleteSearch();
  const problem = useProblemText();
  const go = (to: HuntSearch) => {
    setOpen(false);
    onOpen(to);
  };
  return (
    <>
      <Popover
        label={t("hunt.saved")}
        open={open}
        onOpenChange={setOpen}
        trigger={
          <Button>
            <Bookmark aria-hidden /> {t("hunt.saved")}
          </Button>
        }
      >
        <div className="saved">
          <div className="saved__head">
            <h2>{t("hunt.saved")}</h2>
            <Button
              size="small"
              look="primary"
              onClick={() => {
                setOpen(false);
                setSaving(true);
              }}
            >
              <BookmarkPlus aria-hidden /> {t("hunt.save")}
            </Button>
          </div>
          {saved.isPending ? (
            <Loading rows={2} />
          ) : !saved.data || saved.data.length === 0 ? (
            <Empty small title={t("hunt.noSaved")} />
          ) : (
            <ul>
              {saved.data.map((one) => (
                <li key={one.id}>
                  <button type="button" className="saved__open" onClick={() => go(address(one))}>
                    <strong className="cut">{one.name}</strong>
                    <span className="mono muted cut">{one.q || "*"}</span>
                  </button>
                  {one.shared && (
                    <span className="tag" title={t("hunt.sharedBy", { name: one.owner })}>
                      <Users aria-hidden /> {t("hunt.team")}
                    </span>
                  )}
                  {one.own && (
                    <IconButton
                      look="quiet"
                      size="small"
                      label={t("hunt.deleteSaved", { name: one.name })}
                      onClick={() => remove.mutate(one.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}
                    >
                      <Trash2 aria-hidden />
                    </IconButton>
                  )}
                </li>
              ))}
            </ul>
          )}
          <h2 className="saved__history">
            <History aria-hidden /> {t("hunt.history")}
          </h2>
          {history.isPending ? (
            <Loading rows={3} />
          ) : !history.data || history.data.length === 0 ? (
            <Empty small title={t("hunt.noHistory")} />
          ) : (
            <ul>
              {history.data.slice(0, 30).map((one) => (
                <li key={`${one.at} ${one.q}`}>
                  <button type="button" className="saved__open" onClick={() => go(address(one))}>
                    <span className="mono cut">{one.q || "*"}</span>
                    <span className="muted">
                      {ago(one.at, i18n.language)} · {t("hunt.pastTotal", { count: one.total, shown: number(one.total, i18n.language) })}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
      </Popover>
      {saving && <SaveDialog search={search} columns={columns} onClose={() => setSaving(false)} />}
    </>
  );
}

function SaveDialog({ search, columns, onClose }: { search: HuntSearch; columns: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const save = useSaveSearch();
  const submit = () =>
    save.mutate(
      { name, q: search.q ?? "", from: search.from ?? USUAL_FROM, to: search.to ?? "now", class: search.class, columns: [...columns], shared },
      {
        onSuccess: () => {
          toast({ text: t("hunt.savedNow", { name }) });
          onClose();
        },
      },
    );
  return (
    <FormDialog title={t("hunt.save")} submit={t("hunt.save")} ready={name.trim() !== "" && !save.isPending} error={save.error} onSubmit={submit} onClose={onClose}>
      <Text label={t("hunt.saveName")} maxLength={100} value={name} onText={setName} />
      <p className="mono muted">{search.q || "*"}</p>
      <label className="check">
        <input type="checkbox" checked={shared} onChange={(event) => setShared(event.target.checked)} /> {t("hunt.shareWithTeam")}
      </label>
    </FormDialog>
  );
}
