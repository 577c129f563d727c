/** Keeps the draft as a version, with a reason. */
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, useProblemText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { toast } from "@/ui/toasts";
import { useKeep } from "../api";

export function KeepDialog({ set, revision, onClose }: { set: number; revision: number; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const problem = useProblemText();
  const keep = useKeep(set);
  const [why, setWhy] = useState("");
  const submit = () =>
    keep.mutate(
      { revision, why },
      {
        onSuccess: ({ number }) => {
          toast({ text: t("bench.kept", { number }) });
          onClose();
        },
      },
    );
  return (
    <Dialog
      title={t("bench.keep")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" disabled={why.trim() === "" || keep.isPending}>
            {t("bench.keep")}
          </Button>
        </>
      }
    >
      <div className="field">
        <label htmlFor={id}>{t("bench.why")}</label>
        <textarea id={id} className="textarea" maxLength={2000} value={why} onChange={(event) => setWhy(event.target.value)} />
        <p className="muted">{t("bench.keepHint")}</p>
      </div>
      {keep.error && (
        <p className="field__error" role="alert">
          {problem(keep.error)}
        </p>
      )}
    </Dialog>
  );
}
