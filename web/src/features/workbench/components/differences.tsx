/** The draft held against a version. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { GitCompare } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Failure, Loading } from "@/ui/basics";
import { versionQuery, type RuleSet, type RuleVersion } from "../api";
import { Diff } from "./diff";

const route = getRouteApi("/signed-in/rule-sets/$set");

export function Differences({ set, versions, text }: { set: RuleSet; versions: readonly RuleVersion[]; text: string }) {
  const { t } = useTranslation();
  const id = useId();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const against = search.against ?? set.everywhere ?? set.newest ?? 0;
  const version = useQuery(versionQuery(set.id, against));
  if (versions.length === 0)
    return (
      <Empty title={t("bench.noVersions")} icon={GitCompare}>
        <p>{t("bench.noVersionsHint")}</p>
      </Empty>
    );
  return (
    <div className="bench__diff">
      <div className="bench__bar">
        <label htmlFor={id}>{t("bench.against")}</label>
        <select id={id} className="select" value={against} onChange={(event) => void navigate({ search: (before) => ({ ...before, against: Number(event.target.value) }), replace: true })}>
          {versions.map((one) => (
            <option key={one.number} value={one.number}>
              {t("bench.version", { number: one.number })}
              {one.number === set.everywhere ? ` · ${t("bench.published")}` : ""}
            </option>
          ))}
        </select>
      </div>
      {version.isPending ? (
        <Loading rows={6} />
      ) : !version.data ? (
        <Failure small error={version.error} retry={() => void version.refetch()} />
      ) : version.data.text === text ? (
        <Empty title={t("bench.same", { number: against })} icon={GitCompare} />
      ) : (
        <Diff before={version.data.text} after={text} label={t("bench.diffLabel", { number: against })} />
      )}
    </div>
  );
}
