/** Links to what the page shows: as it will be when they are opened, or as it is now. */
import { Link2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Menu, MenuItem } from "@/ui/menu";
import { Button } from "@/ui/basics";
import { useCopy } from "@/ui/value";

interface ShareProps {
  /** What the address says when it is frozen: read when it is asked for. */
  frozen: () => Readonly<Record<string, string>>;
  /** The address itself moves with the time. */
  moves: boolean;
}

export function Share({ frozen, moves }: ShareProps) {
  const { t } = useTranslation();
  const copy = useCopy();
  const link = (more: Readonly<Record<string, string>>) => {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(more)) address.searchParams.set(name, value);
    copy(address.href);
  };
  return (
    <Menu
      align="end"
      label={t("share.title")}
      trigger={
        <Button aria-label={t("share.title")} className="button--icon" title={t("share.title")}>
          <Link2 aria-hidden />
        </Button>
      }
    >
      <MenuItem onSelect={() => link({})} disabled={!moves}>
        {t("share.now")}
      </MenuItem>
      <MenuItem onSelect={() => link(frozen())}>{t("share.frozen")}</MenuItem>
    </Menu>
  );
}
