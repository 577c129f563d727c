/** The packets of a piece of evidence as a table; one of them as bytes. */
import { useQuery } from "@tanstack/react-query";
import { FileDown } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { decodeBase64 } from "@/lib/hex";
import { csv, save, stamped } from "@/lib/save";
import { Button, Failure, Loading } from "@/ui/basics";
import { Bytes } from "./bytes";

type Packet = Schemas["PacketBody"];

const COLUMNS = ["number", "after", "source", "destination", "protocol", "flags", "length", "payload"] as const;
type Column = (typeof COLUMNS)[number];
/** What is asked for at once, and what the table shows at once. */
const LIMIT = 5_000;
const SHOWN = 500;

const VALUES: Record<Column, (packet: Packet) => string | number> = {
  number: (packet) => packet.number,
  after: (packet) => packet.after_us / 1_000,
  source: (packet) => packet.source ?? "",
  destination: (packet) => packet.destination ?? "",
  protocol: (packet) => packet.protocol,
  flags: (packet) => packet.flags,
  length: (packet) => packet.length,
  payload: (packet) => packet.payload,
};

/** Packets that hold a text in any column, by one column. */
export function arranged(packets: readonly Packet[], filter: string, column: Column, down: boolean): Packet[] {
  const wanted = filter.trim().toLowerCase();
  const value = VALUES[column];
  const found = packets.filter((packet) => !wanted || COLUMNS.some((one) => String(VALUES[one](packet)).toLowerCase().includes(wanted)));
  const order = (one: Packet, other: Packet) => {
    const [left, right] = [value(one), value(other)];
    const compared = typeof left === "number" && typeof right === "number" ? left - right : String(left).localeCompare(String(right));
    return (down ? -compared : compared) || one.number - other.number;
  };
  return found.sort(order);
}

export function PacketList({ id }: { id: number }) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState("");
  const [sort, setSort] = useState<{ column: Column; down: boolean }>({ column: "number", down: false });
  const [chosen, setChosen] = useState<number>();
  const found = useQuery({
    queryKey: ["evidence", "packets", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/evidence/{id}/packets", { params: { path: { id }, query: { limit: LIMIT } }, signal })),
    staleTime: Infinity,
  });
  const packets = useMemo(() => arranged(found.data?.items ?? [], filter, sort.column, sort.down), [found.data, filter, sort]);
  if (found.isError) return <Failure small error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={6} />;
  const shown = packets.slice(0, SHOWN);
  const toCsv = () => {
    const rows = packets.map((packet) => COLUMNS.map((column) => VALUES[column](packet)));
    save(`${stamped("packets")}.csv`, "text/csv", csv(COLUMNS.map((column) => t(`packets.${column}`)), rows));
  };
  return (
    <>
      <div className="evidence__choice">
        <input className="input" type="search" aria-label={t("packets.filter")} placeholder={t("packets.filter")} value={filter} onChange={(event) => setFilter(event.target.value)} />
        <span className="muted">{t("packets.shown", { shown: shown.length, total: found.data.total })}</span>
        <Button size="small" onClick={toCsv}>
          <FileDown aria-hidden /> {t("packets.export")}
        </Button>
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="packets__list" tabIndex={0} role="region" aria-label={t("packets.list")}>
        <table className="table">
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} aria-sort={sort.column === column ? (sort.down ? "descending" : "ascending") : undefined}>
                  <button type="button" className="packets__sort" onClick={() => setSort({ column, down: sort.column === column && !sort.down })}>
                    {t(`packets.${column}`)}
                    {sort.column === column && (sort.down ? " ↓" : " ↑")}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((packet) => (
              <tr key={packet.number} aria-selected={packet.number === chosen}>
                <td>
                  <Button size="small" look="quiet" aria-label={t("packets.open", { number: packet.number })} aria-pressed={packet.number === chosen} onClick={() => setChosen(packet.number)}>
                    {packet.number}
                  </Button>
                </td>
                <td className="tabular">{(packet.after_us / 1_000).toFixed(3)}</td>
                <td className="mono nowrap">{packet.source}</td>
                <td className="mono nowrap">{packet.destination}</td>
                <td>{packet.protocol}</td>
                <td className="mono">{packet.flags}</td>
                <td className="tabular">{packet.length}</td>
                <td className="tabular">{packet.payload}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {chosen !== undefined && <One id={id} number={chosen} />}
    </>
  );
}

function One({ id, number }: { id: number; number: number }) {
  const { t } = useTranslation();
  const found = useQuery({
    queryKey: ["evidence", "packet", id, number],
    queryFn: ({ signal }) => body(api.GET("/api/v1/evidence/{id}/packets/{number}", { params: { path: { id, number } }, signal })),
    staleTime: Infinity,
  });
  const content = useMemo(() => decodeBase64(found.data?.bytes ?? ""), [found.data]);
  if (found.isError) return <Failure small error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={3} />;
  return (
    <div>
      <h3>{t("packets.bytesOf", { number })}</h3>
      <Bytes content={content} marks={[]} form="hex" />
    </div>
  );
}
