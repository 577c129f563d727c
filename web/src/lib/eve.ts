/** What the console reads of EVE records by name; everything else it shows as it comes. */
import { isObject, numberAt, textAt, type JsonObject } from "@/lib/json";

export type EveRecord = JsonObject;

export const EVE = {
  time: "timestamp",
  type: "event_type",
  sourceAddress: "src_ip",
  sourcePort: "src_port",
  destinationAddress: "dest_ip",
  destinationPort: "dest_port",
  transport: "proto",
  application: "app_proto",
  flow: "flow_id",
  community: "community_id",
  signature: "alert.signature",
  signatureId: "alert.signature_id",
  severity: "alert.severity",
  id: "matluoi.id",
  sensor: "matluoi.sensor",
  payload: "payload",
  packet: "packet",
} as const;

/** Keys beside the protocol's own object. */
const COMMON = new Set([
  "timestamp", "flow_id", "in_iface", "event_type", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "app_proto",
  "ip_v", "pkt_src", "tx_id", "community_id", "direction", "alert", "flow", "payload", "payload_printable", "payload_length",
  "packet", "packet_info", "stream", "matluoi", "vlan", "icmp_type", "icmp_code", "pcap_cnt", "host", "ether", "verdict", "metadata",
]);

/** The parts of a record that speak of a protocol: name and fields. */
export function protocolParts(record: EveRecord): [string, JsonObject][] {
  return Object.entries(record).filter((entry): entry is [string, JsonObject] => !COMMON.has(entry[0]) && isObject(entry[1]));
}

export function endpoint(record: EveRecord, side: "source" | "destination"): string {
  const address = textAt(record, side === "source" ? EVE.sourceAddress : EVE.destinationAddress) ?? "";
  const port = textAt(record, side === "source" ? EVE.sourcePort : EVE.destinationPort);
  if (!port) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Names that led to the server of a flow before, newest first. */
export function serverNames(record: EveRecord): string[] {
  const own = record.matluoi;
  const names = isObject(own) ? own.server_names : undefined;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

function join(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join(" ");
}

/** One line that says what a record is about, in the words of its protocol. */
export function summary(record: EveRecord): string {
  const text = (path: string) => textAt(record, path);
  switch (text(EVE.type)) {
    case "alert":
      return text(EVE.signature) ?? "";
    case "http":
      return join(text("http.http_method"), `${text("http.hostname") ?? ""}${text("http.url") ?? ""}`, text("http.status"));
    case "dns":
      return join(
        text("dns.queries.rrname") ?? text("dns.rrname"),
        text("dns.queries.rrtype") ?? text("dns.rrtype"),
        text("dns.answers.rdata") && `→ ${text("dns.answers.rdata")}`,
        text("dns.rcode") !== "NOERROR" ? text("dns.rcode") : undefined,
      );
    case "tls":
      return join(text("tls.sni"), text("tls.version"), text("tls.subject"));
    case "fileinfo":
      return join(text("fileinfo.filename"), text("fileinfo.size") && `${text("fileinfo.size")} B`);
    case "anomaly":
      return text("anomaly.event") ?? "";
    case "fact": {
      const fact = (name: string) => text(`matluoi.fact.${name}`);
      const place = join(fact("ip"), fact("port"));
      return join(
        fact("kind"),
        fact("name") ?? fact("text") ?? fact("subject") ?? fact("app_proto"),
        place && (fact("name") ? `→ ${place}` : place),
      );
    }
    case "flow": {
      const packets = (numberAt(record, "flow.pkts_toserver") ?? 0) + (numberAt(record, "flow.pkts_toclient") ?? 0);
      const bytes = (numberAt(record, "flow.bytes_toserver") ?? 0) + (numberAt(record, "flow.bytes_toclient") ?? 0);
      const names = serverNames(record);
      return join(names.length > 0 ? `→ ${names.join(", ")}` : undefined, text("flow.state"), `${packets} pkts`, `${bytes} B`, text("flow.reason"));
    }
    default: {
      const own = record[text(EVE.type) ?? ""];
      const fields = isObject(own) ? own : protocolParts(record)[0]?.[1];
      if (!fields) return "";
      return Object.entries(fields)
        .filter(([, value]) => typeof value === "string" || typeof value === "number")
        .slice(0, 4)
        .map(([key, value]) => `${key}=${String(value)}`)
        .join(" ");
    }
  }
}
