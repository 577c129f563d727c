/** One sensor: whether it runs with what it is to run with, and what it is to do. */
import { useQuery } from "@tanstack/react-query";
import { Ban, Download, LifeBuoy, Pencil, RotateCw, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api";
import { bytes } from "@/lib/format";
import { usePrefs } from "@/lib/prefs";
import { useRights } from "@/lib/session";
import { ago, dateTime } from "@/lib/time";
import { Button, buttonClass, Card, useProblemText } from "@/ui/basics";
import { SortedTable } from "@/ui/sorted-table";
import { toast } from "@/ui/toasts";
import { ordersQuery, useCancelOrder } from "../api";
import { ChangeSensorDialog, OrderDialog, RevokeDialog } from "./sensor-dialogs";
import { ConfigurationTag } from "./state";

type Asked = "restart" | "bundle" | "change" | "revoke";

export function OneSensor({ sensor, units, onGone }: { sensor: Schemas["SensorBody"]; units: readonly Schemas["UnitBody"][]; onGone: () => void }) {
  const { t, i18n } = useTranslation();
  const { zone } = usePrefs();
  const { administrator } = useRights();
  const problem = useProblemText();
  const orders = useQuery(ordersQuery(sensor.id));
  const cancel = useCancelOrder();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const { configuration, silence } = sensor;
  const hash = (value: string | null | undefined) => <span className="mono">{value ? value.slice(0, 12) : "–"}</span>;
  const waits = configuration?.state === "restart";
  return (
    <Card
      title={sensor.name}
      aside={
        administrator && (
          <div className="fleet__tools">
            <Button size="small" onClick={() => setAsked("restart")}>
              <RotateCw aria-hidden /> {t("fleet.restart")}
            </Button>
            <Button size="small" onClick={() => setAsked("bundle")}>
              <LifeBuoy aria-hidden /> {t("fleet.bundle")}
            </Button>
            <Button size="small" onClick={() => setAsked("change")}>
              <Pencil aria-hidden /> {t("fleet.rename")}
            </Button>
            <Button size="small" look="danger" onClick={() => setAsked("revoke")}>
              <Ban aria-hidden /> {t("fleet.revoke")}
            </Button>
          </div>
        )
      }
    >
      <dl className="fleet__facts">
        <div>
          <dt>{t("sensors.unit")}</dt>
          <dd>{sensor.unit_name}</dd>
        </div>
        <div>
          <dt>{t("sensors.heartbeat")}</dt>
          <dd>{sensor.last_heartbeat ? ago(sensor.last_heartbeat, i18n.language) : t("sensors.never")}</dd>
        </div>
        <div>
          <dt>{t("sensors.hostname")}</dt>
          <dd>{sensor.hostname}</dd>
        </div>
        <div>
          <dt>{t("sensors.version")}</dt>
          <dd className="mono">{sensor.version ?? "–"}</dd>
        </div>
        <div>
          <dt>{t("fleet.configuration")}</dt>
          <dd>
            <ConfigurationTag configuration={configuration} />
          </dd>
        </div>
        <div>
          <dt>{t("fleet.wantedHash")}</dt>
          <dd>{hash(configuration?.wanted_hash)}</dd>
        </div>
        <div>
          <dt>{t("fleet.runningHash")}</dt>
          <dd>{hash(configuration?.hash)}</dd>
        </div>
        <div>
          <dt>{t("fleet.hash")}</dt>
          <dd>{hash(configuration?.running_hash)}</dd>
        </div>
      </dl>
      {configuration?.refused_reason && <p className="note note--bad">{t("fleet.refusedBecause", { reason: configuration.refused_reason })}</p>}
      {waits && <p className="note">{t("fleet.waitsForStart")}</p>}
      {silence && <p className="note">{t("fleet.silentUntil", { time: dateTime(silence.ends, zone), reason: silence.reason })}</p>}
      {(orders.data ?? []).length > 0 && (
        <SortedTable
          caption={t("fleet.orders")}
          name="fleet-orders"
          items={orders.data ?? []}
          rowKey={(order) => order.id}
          columns={[
            { head: t("fleet.what"), value: (order) => t(`fleet.order.${order.kind}`) },
            {
              head: t("sensors.state"),
              value: (order) => t(`fleet.orderState.${order.state}`),
              cell: (order) => (
                <span role="status">
                  {t(`fleet.orderState.${order.state}`)}
                  {order.fault && <span className="muted">: {t(`fleet.orderFault.${order.fault}`, { defaultValue: order.fault })}</span>}
                </span>
              ),
            },
            { head: t("fleet.at"), value: (order) => order.requested, cell: (order) => <span className="tabular nowrap">{dateTime(order.requested, zone)}</span> },
            { head: t("fleet.by"), value: (order) => order.requested_by },
            { head: t("fleet.why"), value: (order) => order.reason },
          ]}
          actions={
            administrator
              ? (order) =>
                  order.bytes !== null && order.bytes !== undefined ? (
                    <a className={buttonClass("plain", "small")} href={`/api/v1/orders/${order.id}/bundle`} download>
                      <Download aria-hidden /> {t("fleet.download", { size: bytes(order.bytes, i18n.language) })}
                    </a>
                  ) : (
                    ["queued", "sent", "working"].includes(order.state) && (
                      <Button size="small" disabled={cancel.isPending} onClick={() => cancel.mutate(order.id, { onError: (error) => toast({ text: problem(error), bad: true }) })}>
                        <X aria-hidden /> {t("common.cancel")}
                      </Button>
                    )
                  )
              : undefined
          }
          empty={null}
        />
      )}
      {(asked === "restart" || asked === "bundle") && <OrderDialog kind={asked} sensor={sensor} onClose={close} />}
      {asked === "change" && <ChangeSensorDialog sensor={sensor} units={units} onClose={close} />}
      {asked === "revoke" && <RevokeDialog sensor={sensor} onClose={close} onGone={onGone} />}
    </Card>
  );
}
