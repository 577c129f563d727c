/** Puts groups into a case: one that is open, or a new one. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body } from "@/lib/api";
import { Button, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { toast } from "@/ui/toasts";
import type { GroupRow } from "../api";
import { useTitle } from "./title";

interface CaseDialogProps {
  groups: readonly GroupRow[];
  onClose: () => void;
  /** The case that holds them now. */
  onDone: (id: number) => void;
}

export function CaseDialog({ groups, onClose, onDone }: CaseDialogProps) {
  const { t } = useTranslation();
  const id = useId();
  const queries = useQueryClient();
  const problem = useProblemText();
  const titleOf = useTitle();
  const first = groups[0];
  const [into, setInto] = useState(0);
  const [title, setTitle] = useState(first ? titleOf(first).title.slice(0, 100) : "");
  const open = useQuery({
    queryKey: ["cases", "open"],
    queryFn: ({ signal }) => body(api.GET("/api/v1/cases", { params: { query: { status: ["open", "contained"], limit: 200 } }, signal })),
  });
  const add = useMutation({
    mutationFn: async () => {
      const ids = groups.map((group) => group.id);
      if (into > 0) {
        await body(api.POST("/api/v1/cases/{id}/parts", { params: { path: { id: into } }, body: { groups: ids } }));
        return into;
      }
      const detected = groups.map((group) => group.first).sort()[0];
      const severity = Math.min(...groups.map((group) => group.severity));
      const made = await body(api.POST("/api/v1/cases", { body: { title: title.trim(), severity, detected, groups: ids, summary: "" } }));
      return made.id;
    },
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["cases"] });
      onDone(made);
    },
    onError: (error) => toast({ text: problem(error), bad: true }),
  });
  return (
    <Dialog
      title={t("caseDialog.title", { count: groups.length })}
      onClose={onClose}
      onSubmit={() => (into > 0 || title.trim()) && add.mutate()}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" look="primary" disabled={add.isPending || (into === 0 && !title.trim())}>
            {t("caseDialog.submit")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={`${id}-into`}>{t("caseDialog.into")}</label>
        <select id={`${id}-into`} className="select" value={into} onChange={(event) => setInto(Number(event.target.value))}>
          <option value={0}>{t("caseDialog.new")}</option>
          {open.data?.items.map((one) => (
            <option key={one.id} value={one.id}>
              #{one.id} {one.title}
            </option>
          ))}
        </select>
      </div>
      {into === 0 && (
        <div className="field">
          <label htmlFor={`${id}-title`}>{t("caseDialog.name")}</label>
          <input id={`${id}-title`} className="input" maxLength={110} value={title} onChange={(event) => setTitle(event.target.value)} />
        </div>
      )}
    </Dialog>
  );
}
