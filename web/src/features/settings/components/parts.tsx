import { Pencil, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/ui/basics";

export function EditAndDelete({ name, onEdit, onDelete }: { name: string; onEdit: () => void; onDelete: () => void }) {
  const { t } = useTranslation();
  return (
    <>
      <IconButton look="quiet" size="small" label={t("notify.edit", { name })} onClick={onEdit}>
        <Pencil aria-hidden />
      </IconButton>
      <IconButton look="quiet" size="small" label={t("notify.delete", { name })} onClick={onDelete}>
        <Trash2 aria-hidden />
      </IconButton>
    </>
  );
}
