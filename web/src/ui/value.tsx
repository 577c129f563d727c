/** A value of a record with what can be done with it: the same menu everywhere. */
import { Copy, Ellipsis, Equal, Minus, Plus, Search, Table2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { Menu, MenuItem } from "@/ui/menu";
import { toast } from "@/ui/toasts";

interface ValueProps {
  text: string;
  /** What shows, when it is not the text. */
  children?: ReactNode;
  mono?: boolean;
  onInclude?: () => void;
  onExclude?: () => void;
  onOnly?: () => void;
  onHunt?: () => void;
  onGroupBy?: () => void;
  more?: ReactNode;
}

export function useCopy(): (text: string) => void {
  const { t } = useTranslation();
  return (text) => {
    // Without a secure connection browsers offer no clipboard.
    const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
    copied.then(
      () => toast({ text: t("common.copied") }),
      () => toast({ text: t("common.notCopied"), bad: true }),
    );
  };
}

/** Longer texts begin so; the rest is shown on demand. */
const LONG = 400;
const BEGINNING = 200;

function Long({ text }: { text: string }) {
  const { t, i18n } = useTranslation();
  const [whole, setWhole] = useState(false);
  if (text.length <= LONG) return text;
  return (
    <>
      {whole ? text : `${text.slice(0, BEGINNING)}…`}{" "}
      <button type="button" className="link" aria-expanded={whole} onClick={() => setWhole(!whole)}>
        {whole ? t("value.less") : t("value.whole", { count: text.length, shown: number(text.length, i18n.language) })}
      </button>
    </>
  );
}

export function Value({ text, children, mono, onInclude, onExclude, onOnly, onHunt, onGroupBy, more }: ValueProps) {
  const { t } = useTranslation();
  const copy = useCopy();
  return (
    <span className="value">
      <span className={`value__text ${mono ? "mono" : ""}`}>{children ?? <Long text={text} />}</span>
      <Menu
        trigger={
          <button type="button" className="value__menu" aria-label={t("value.menu", { text })}>
            <Ellipsis aria-hidden />
          </button>
        }
      >
        {onInclude && (
          <MenuItem icon={Plus} onSelect={onInclude}>
            {t("value.include")}
          </MenuItem>
        )}
        {onExclude && (
          <MenuItem icon={Minus} onSelect={onExclude}>
            {t("value.exclude")}
          </MenuItem>
        )}
        {onOnly && (
          <MenuItem icon={Equal} onSelect={onOnly}>
            {t("value.only")}
          </MenuItem>
        )}
        {onGroupBy && (
          <MenuItem icon={Table2} onSelect={onGroupBy}>
            {t("value.groupBy")}
          </MenuItem>
        )}
        {more}
        {onHunt && (
          <MenuItem icon={Search} onSelect={onHunt}>
            {t("value.hunt")}
          </MenuItem>
        )}
        <MenuItem icon={Copy} onSelect={() => copy(text)}>
          {t("value.copy")}
        </MenuItem>
      </Menu>
    </span>
  );
}
