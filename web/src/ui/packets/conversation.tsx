/** What the two ends of a flow said, in order, with what the rule looks for marked. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, body, type Schemas } from "@/lib/api";
import { decodeBase64 } from "@/lib/hex";
import { Empty, Failure, Loading, Partial, Segmented } from "@/ui/basics";
import { Bytes } from "./bytes";

type Piece = Schemas["PieceBody"];

export function Conversation({ id }: { id: number }) {
  const { t } = useTranslation();
  const [form, setForm] = useState<"text" | "hex">("text");
  const found = useQuery({
    queryKey: ["evidence", "conversation", id],
    queryFn: ({ signal }) => body(api.GET("/api/v1/evidence/{id}/conversation", { params: { path: { id }, query: {} }, signal })),
    staleTime: Infinity,
  });
  if (found.isError) return <Failure small error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={5} />;
  const { client, server, protocol, pieces, left_out } = found.data;
  if (pieces.length === 0) return <Empty small title={t("packets.silent")} />;
  return (
    <>
      <div className="packets__choice">
        <Segmented
          legend={t("evidence.form")}
          value={form}
          onChange={setForm}
          options={[
            { value: "text", label: t("evidence.text") },
            { value: "hex", label: "Hex" },
          ]}
        />
        <span className="muted">
          {protocol} · {t("packets.client")} <span className="mono">{client}</span> · {t("packets.server")} <span className="mono">{server}</span>
        </span>
        {pieces.some((piece) => piece.marks.length > 0) && <span className="muted">{t("packets.marked")}</span>}
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keys */}
      <div className="packets__talk" tabIndex={0} role="region" aria-label={t("packets.talk")}>
        {pieces.map((piece) => (
          <Said key={`${piece.side}-${piece.offset}-${piece.packet}`} piece={piece} form={form} />
        ))}
      </div>
      {left_out > 0 && <Partial>{t("packets.leftOutTalk", { count: left_out })}</Partial>}
    </>
  );
}

function Said({ piece, form }: { piece: Piece; form: "text" | "hex" }) {
  const { t } = useTranslation();
  const content = useMemo(() => decodeBase64(piece.bytes), [piece.bytes]);
  const side = piece.side === "client" ? "client" : "server";
  return (
    <div className={`packets__said packets__said--${side}`}>
      <span className="packets__side">
        {t(`packets.${side}`)} · {t("packets.bytesOf", { number: piece.packet })}
        {piece.missing > 0 && ` · ${t("packets.missing", { count: piece.missing })}`}
      </span>
      <Bytes content={content} marks={piece.marks} form={form} />
    </div>
  );
}
