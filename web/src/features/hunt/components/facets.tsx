/** Values of some fields, the commonest or the rarest; a click takes one in, or out. */
import type { UseQueryResult } from "@tanstack/react-query";
import { Minus, Table2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { compact } from "@/lib/format";
import { Empty, Failure, Loading, Segmented } from "@/ui/basics";

interface FacetsProps {
  facets: UseQueryResult<Schemas["FacetsBody"]>;
  rare: boolean;
  labelOf: (field: string) => string;
  nameOf: (field: string, value: string) => string;
  onRare: (rare: boolean) => void;
  onPick: (field: string, value: string, mode: "include" | "exclude") => void;
  onGroupBy: (field: string) => void;
}

export function Facets({ facets, rare, labelOf, nameOf, onRare, onPick, onGroupBy }: FacetsProps) {
  const { t } = useTranslation();
  return (
    <>
      <div className="facets__mode">
        <Segmented
          legend={t("hunt.facets")}
          value={rare ? "rare" : "top"}
          options={(["top", "rare"] as const).map((value) => ({ value, label: t(`hunt.facetModes.${value}`) }))}
          onChange={(value) => onRare(value === "rare")}
        />
      </div>
      <Lists facets={facets} labelOf={labelOf} nameOf={nameOf} onPick={onPick} onGroupBy={onGroupBy} />
    </>
  );
}

function Lists({ facets, labelOf, nameOf, onPick, onGroupBy }: Omit<FacetsProps, "rare" | "onRare">) {
  const { t, i18n } = useTranslation();
  if (facets.isPending) return facets.fetchStatus === "idle" ? null : <Loading rows={10} />;
  if (facets.isLoadingError) return <Failure small error={facets.error} retry={() => void facets.refetch()} />;
  const shown = facets.data.facets.filter((facet) => facet.values.length > 0);
  if (shown.length === 0) return <Empty small title={t("hunt.noFacets")} />;
  return (
    <>
      {shown.map((facet) => {
        const most = Math.max(...facet.values.map(({ count }) => count));
        return (
          <section key={facet.field} className="facet" aria-label={labelOf(facet.field)}>
            <h2 title={facet.field}>
              <span className="cut">{labelOf(facet.field)}</span>
              <button type="button" className="facet__not" aria-label={t("hunt.groupByField", { field: labelOf(facet.field) })} title={t("value.groupBy")} onClick={() => onGroupBy(facet.field)}>
                <Table2 aria-hidden />
              </button>
            </h2>
            <ul>
              {facet.values.map(({ value, count }) => {
                const name = nameOf(facet.field, value);
                return (
                  <li key={value}>
                    <button type="button" className="facet__value" title={t("hunt.include", { value: name })} onClick={() => onPick(facet.field, value, "include")}>
                      <span className="facet__bar" style={{ width: `${(count / most) * 100}%` }} aria-hidden />
                      <span className="cut">{name}</span>
                      <span className="tabular muted">
                        {facets.data.partial && "≈"}
                        {compact(count, i18n.language)}
                      </span>
                    </button>
                    <button type="button" className="facet__not" aria-label={t("hunt.exclude", { value: name })} title={t("hunt.exclude", { value: name })} onClick={() => onPick(facet.field, value, "exclude")}>
                      <Minus aria-hidden />
                    </button>
                  </li>
                );
              })}
            </ul>
            {facet.other > 0 && <p className="muted facet__other">{t("hunt.other", { count: facet.other, shown: compact(facet.other, i18n.language) })}</p>}
          </section>
        );
      })}
    </>
  );
}
