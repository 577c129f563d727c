/** Keeps the draft as a version, with a reason. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Area, FormDialog } from "@/ui/form";
import { toast } from "@/ui/toasts";
import { useKeep } from "../api";

export function KeepDialog({ set, revision, onClose }: { set: number; revision: number; onClose: () => void }) {
  const { t } = useTranslation();
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
    <FormDialog title={t("bench.keep")} submit={t("bench.keep")} ready={why.trim() !== "" && !keep.isPending} error={keep.error} onSubmit={submit} onClose={onClose}>
      <Area label={t("bench.why")} hint={t("bench.keepHint")} maxLength={2_000} value={why} onText={setWhy} />
    </FormDialog>
  );
}
