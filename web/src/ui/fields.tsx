/** All fields of a record, each with its menu. */
import { flatten, type Json } from "@/lib/json";
import { Columns3 } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MenuItem } from "@/ui/menu";
import { Value } from "@/ui/value";

interface FieldsProps {
  record: Json;
  prefix?: string;
  onInclude?: (field: string, value: string) => void;
  onExclude?: (field: string, value: string) => void;
  onHunt?: (field: string, value: string) => void;
  onOnly?: (field: string, value: string) => void;
  onGroupBy?: (field: string) => void;
  /** Further things to do with a value. */
  more?: (field: string, value: string) => ReactNode;
  /** Shows the field as a column, or no longer. */
  onColumn?: (field: string) => void;
}

export function Fields({ record, prefix = "", onInclude, onExclude, onOnly, onGroupBy, onHunt, onColumn, more }: FieldsProps) {
  const { t } = useTranslation();
  return (
    <dl className="pairs pairs--fields">
      {flatten(record, prefix).map(({ path, value, askable }, index) => (
        <div key={`${path}-${index}`} className="pairs__row">
          <dt className="mono">{path}</dt>
          <dd>
            <Value
              text={value}
              mono
              onInclude={onInclude && askable ? () => onInclude(path, value) : undefined}
              onExclude={onExclude && askable ? () => onExclude(path, value) : undefined}
              onOnly={onOnly && askable ? () => onOnly(path, value) : undefined}
              onGroupBy={onGroupBy && (() => onGroupBy(path))}
              more={
                <>
                  {onColumn && (
                    <MenuItem icon={Columns3} onSelect={() => onColumn(path)}>
                      {t("value.column")}
                    </MenuItem>
                  )}
                  {more?.(path, value)}
                </>
              }
              onHunt={onHunt && askable ? () => onHunt(path, value) : undefined}
            />
          </dd>
        </div>
      ))}
    </dl>
  );
}
