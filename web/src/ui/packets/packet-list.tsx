/** The packets of a piece of evidence as a table; one of them as bytes. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { decodeBase64 } from "@/lib/hex";
import { Button, Empty, Failure, Loading, Partial } from "@/ui/basics";
import { SortedTable, type Column } from "@/ui/sorted-table";
import { Bytes } from "./bytes";

type Packet = Schemas["PacketBody"];

/** What is asked for at once. */
const LIMIT = 5_000;

export function PacketList({ id }: { id: number }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<number>();
  const found = useQuery({
    queryKey: ["evidence", "packets", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/evidence/{id}/packets", { params: { path: { id }, query: { limit: LIMIT } }, signal })),
    staleTime: Infinity,
  });
  const columns = useMemo((): Column<Packet>[] => {
    const text = (name: "source" | "destination" | "flags"): Column<Packet> => ({ head: t(`packets.${name}`), value: (packet) => packet[name], cell: (packet) => <span className="mono nowrap">{packet[name]}</span> });
    return [
      {
        head: t("packets.number"),
        value: (packet) => packet.number,
        cell: (packet) => (
          <Button size="small" look="quiet" aria-label={t("packets.open", { number: packet.number })} aria-pressed={packet.number === chosen} onClick={() => setChosen(packet.number)}>
            {packet.number}
          </Button>
        ),
      },
      { head: t("packets.after"), value: (packet) => packet.after_us / 1_000, cell: (packet) => (packet.after_us / 1_000).toFixed(3), numeric: true },
      text("source"),
      text("destination"),
      { head: t("packets.protocol"), value: (packet) => packet.protocol },
      text("flags"),
      { head: t("packets.length"), value: (packet) => packet.length, numeric: true },
      { head: t("packets.payload"), value: (packet) => packet.payload, numeric: true },
    ];
  }, [chosen, t]);
  if (found.isError) return <Failure small error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={6} />;
  const { items, total } = found.data;
  return (
    <>
      {total > items.length && <Partial>{t("packets.shown", { shown: items.length, total })}</Partial>}
      <div className="packets__list">
        <SortedTable
          caption={t("packets.list")}
          name="packets"
          columns={columns}
          items={items}
          rowKey={(packet) => packet.number}
          rowClass={(packet) => (packet.number === chosen ? "is-open" : undefined)}
          empty={<Empty small title={t("packets.noPackets")} />}
        />
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
