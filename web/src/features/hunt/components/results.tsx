/** The records found. A row opens to all its fields. */
import { createColumnHelper, tableFeatures, useTable } from "@tanstack/react-table";
import { BellRing, Braces, ChevronRight, X } from "lucide-react";
import { Fragment, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { EVE, summary, type EveRecord } from "@/lib/eve";
import { textAt } from "@/lib/json";
import { usePrefs } from "@/lib/prefs";
import { dateTime } from "@/lib/time";
import { Button, Severity } from "@/ui/basics";
import { Fields } from "@/ui/fields";
import { MenuItem } from "@/ui/menu";
import { useCopy, Value } from "@/ui/value";

const features = tableFeatures({});
const helper = createColumnHelper<typeof features, EveRecord>();

interface ResultsProps {
  rows: EveRecord[];
  columns: readonly string[];
  opened: string | undefined;
  labelOf: (field: string) => string;
  nameOf: (field: string, value: string) => string;
  onOpen: (id: string | undefined) => void;
  onPick: (field: string, value: string, mode: "include" | "exclude") => void;
  onOnly: (field: string, value: string) => void;
  onColumn: (field: string) => void;
  onGroup: (record: EveRecord) => void;
}

export function Results({ rows, columns, opened, labelOf, nameOf, onOpen, onPick, onOnly, onColumn, onGroup }: ResultsProps) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const copy = useCopy();
  const defined = useMemo(
    () =>
      helper.columns([
        helper.accessor((record) => textAt(record, EVE.time) ?? "", {
          id: EVE.time,
          header: t("hunt.time"),
          cell: (cell) => <span className="tabular nowrap">{dateTime(cell.getValue(), zone)}</span>,
        }),
        ...columns.map((field) =>
          helper.accessor((record) => textAt(record, field) ?? "", {
            id: field,
            header: labelOf(field),
            cell: (cell) => {
              const value = cell.getValue();
              if (value === "") return <span className="muted">–</span>;
              if (field === EVE.severity) return <Severity level={Number(value)} />;
              return (
                <Value
                  text={value}
                  mono={field !== EVE.type}
                  onInclude={() => onPick(field, value, "include")}
                  onExclude={() => onPick(field, value, "exclude")}
                  onOnly={() => onOnly(field, value)}
                  more={
                    <MenuItem icon={X} onSelect={() => onColumn(field)}>
                      {t("hunt.removeColumn")}
                    </MenuItem>
                  }
                >
                  {field === EVE.type ? <span className={`tag ${value === "alert" ? "tag--bad" : ""}`}>{value}</span> : nameOf(field, value)}
                </Value>
              );
            },
          }),
        ),
        helper.accessor(summary, { id: "summary", header: t("hunt.summary"), cell: (cell) => <span className="results__summary">{cell.getValue()}</span> }),
      ]),
    [columns, labelOf, nameOf, onColumn, onOnly, onPick, t, zone],
  );
  const table = useTable({ features, columns: defined, data: rows });
  return (
    <table className="table results">
      <caption className="hidden">{t("hunt.results")}</caption>
      <thead>
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            <th>
              <span className="hidden">{t("hunt.details")}</span>
            </th>
            {group.headers.map((header) => (
              <th key={header.id}>
                <table.FlexRender header={header} />
              </th>
            ))}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => {
          const id = textAt(row.original, EVE.id) ?? row.id;
          const isOpen = opened === id;
          return (
            <Fragment key={id}>
              <tr className={`is-link ${isOpen ? "is-open" : ""}`}>
                <td>
                  <button type="button" className="results__toggle" aria-expanded={isOpen} aria-label={t("hunt.details")} onClick={() => onOpen(isOpen ? undefined : id)}>
                    <ChevronRight aria-hidden />
                  </button>
                </td>
                {row.getAllCells().map((cell) => (
                  <td key={cell.id}>
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
              {isOpen && (
                <tr className="results__detail">
                  <td colSpan={columns.length + 3}>
                    <div className="results__tools">
                      {textAt(row.original, EVE.type) === "alert" && (
                        <Button size="small" onClick={() => onGroup(row.original)}>
                          <BellRing aria-hidden /> {t("hunt.openGroup")}
                        </Button>
                      )}
                      {textAt(row.original, EVE.flow) && (
                        <Button size="small" onClick={() => onOnly(EVE.flow, textAt(row.original, EVE.flow) ?? "")}>
                          {t("hunt.sameFlow")}
                        </Button>
                      )}
                      <Button size="small" onClick={() => copy(JSON.stringify(row.original, null, 2))}>
                        <Braces aria-hidden /> {t("hunt.copyJson")}
                      </Button>
                    </div>
                    <Fields
                      record={row.original}
                      onInclude={(field, value) => onPick(field, value, "include")}
                      onExclude={(field, value) => onPick(field, value, "exclude")}
                      onColumn={onColumn}
                    />
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}

