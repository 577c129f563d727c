/** The settings of a unit or a sensor: what holds, where it comes from, and what a sensor says that it runs. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Pencil, Plus, Settings2, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { dateTime } from "@/lib/time";
import { Button, Card, Empty, Failure, Loading } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { configurationQuery, effectiveQuery, settingsQuery, type Effective, type Target } from "../api";
import { SettingDialog } from "./setting-dialog";
import { settingName, settingValue } from "./words";

interface Row {
  name: string;
  wanted: Effective | undefined;
  runs: string | undefined;
}

export function Settings({ target }: { target: Target }) {
  const { t } = useTranslation();
  const { zone } = usePrefs();
  const { administrator } = useRights();
  const settings = useQuery(settingsQuery);
  const effective = useQuery(effectiveQuery(target));
  const told = useQuery({ ...configurationQuery(target.sensor_id ?? ""), enabled: target.sensor_id !== undefined });
  const [editing, setEditing] = useState<{ name?: string; value?: string; back?: boolean }>();
  if (effective.isPending || settings.isPending) return <Loading rows={4} />;
  if (!effective.data || !settings.data) return <Failure small error={effective.error ?? settings.error} retry={() => void effective.refetch()} />;
  const wanted = new Map(effective.data.items.map((one) => [one.name, one]));
  const runs = new Map((told.data?.settings ?? []).flatMap(({ name, runs: value }) => (value === null || value === undefined ? [] : [[name, value] as const])));
  // What the centre has set comes first.
  const names = [...new Set([...wanted.keys(), ...runs.keys()])].sort((a, b) => Number(wanted.has(b)) - Number(wanted.has(a)) || a.localeCompare(b));
  const rows: Row[] = names.map((name) => ({ name, wanted: wanted.get(name), runs: runs.get(name) }));
  const origin = (one: Effective | undefined) => (one ? (one.own ? t("fleet.here") : (one.unit_name ?? "")) : t("fleet.ownFile"));
  return (
    <Card
      title={t("fleet.settings")}
      bare
      aside={
        administrator && (
          <Button size="small" onClick={() => setEditing({})}>
            <Plus aria-hidden /> {t("fleet.set")}
          </Button>
        )
      }
    >
      <SortedTable
        caption={t("fleet.settings")}
        name="fleet-settings"
        items={rows}
        rowKey={(row) => row.name}
        columns={[
          {
            head: t("fleet.setting"),
            value: (row) => settingName(row.name, t),
            cell: (row) => (
              <>
                {settingName(row.name, t)}
                <div className="muted mono">{row.name}</div>
              </>
            ),
          },
          { head: t("fleet.wanted"), value: (row) => row.wanted && settingValue(row.name, row.wanted.value, t), cell: (row) => (row.wanted ? <span className="fleet__value">{settingValue(row.name, row.wanted.value, t)}</span> : <span className="muted">–</span>) },
          {
            head: t("fleet.origin"),
            value: (row) => origin(row.wanted),
            cell: (row) =>
              row.wanted?.unit_id && !row.wanted.own ? (
                <Link to="/fleet" search={{ unit: row.wanted.unit_id }}>
                  {row.wanted.unit_name}
                </Link>
              ) : (
                <span className={row.wanted ? undefined : "muted"}>{origin(row.wanted)}</span>
              ),
          },
          ...(target.sensor_id === undefined
            ? []
            : [
                {
                  head: t("fleet.runs"),
                  value: (row: Row) => row.runs && settingValue(row.name, row.runs, t),
                  cell: (row: Row) => {
                    if (row.runs === undefined) return <span className="muted">–</span>;
                    const differs = row.wanted !== undefined && row.wanted.value.replaceAll(" ", "") !== row.runs.replaceAll(" ", "");
                    return (
                      <span className="fleet__value">
                        {settingValue(row.name, row.runs, t)} {differs && <span className="tag tag--warn">{t("fleet.differs")}</span>}
                      </span>
                    );
                  },
                },
              ]),
          {
            head: t("fleet.since"),
            value: (row) => row.wanted?.at,
            cell: (row) =>
              row.wanted && (
                <span className="tabular nowrap">
                  {dateTime(row.wanted.at, zone)} · {row.wanted.user}
                </span>
              ),
          },
        ]}
        actions={
          administrator
            ? (row) => (
                <>
                  <Button size="small" aria-label={`${t("fleet.change")}: ${settingName(row.name, t)}`} onClick={() => setEditing({ name: row.name, value: row.wanted?.value ?? row.runs })}>
                    <Pencil aria-hidden /> {t("fleet.change")}
                  </Button>
                  {row.wanted?.own && (
                    <Button size="small" aria-label={`${t("fleet.takeBack")}: ${settingName(row.name, t)}`} onClick={() => setEditing({ name: row.name, back: true })}>
                      <Undo2 aria-hidden /> {t("fleet.takeBack")}
                    </Button>
                  )}
                </>
              )
            : undefined
        }
        empty={
          <Empty small title={t("fleet.nothing")} icon={Settings2}>
            <p>{t("fleet.nothingHint")}</p>
          </Empty>
        }
      />
      {editing && <SettingDialog target={target} settings={settings.data} {...editing} onClose={() => setEditing(undefined)} />}
    </Card>
  );
}
