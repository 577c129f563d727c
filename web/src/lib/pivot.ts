/** Which page is about a value of a field. */

export type PivotPage = "hosts" | "domains" | "files" | "fingerprints" | "flows";

const PAGES: Record<string, PivotPage> = {
  ip: "hosts",
  src_ip: "hosts",
  dest_ip: "hosts",
  "dns.answers.rdata": "hosts",
  "dhcp.assigned_ip": "hosts",
  domain: "domains",
  host: "domains",
  "dns.queries.rrname": "domains",
  "dns.answers.rrname": "domains",
  "http.hostname": "domains",
  "tls.sni": "domains",
  "quic.sni": "domains",
  "fileinfo.sha256": "files",
  "fileinfo.sha1": "files",
  "fileinfo.md5": "files",
  "tls.ja4": "fingerprints",
  "quic.ja4": "fingerprints",
  "tls.ja3.hash": "fingerprints",
  flow_id: "flows",
  community_id: "flows",
};

export function isAddress(value: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(value) || (value.includes(":") && /^[0-9a-f:.]+$/i.test(value));
}

export function pivotOf(field: string, value: string): PivotPage | undefined {
  const page = PAGES[field];
  if (page === "hosts" || page === "domains") return isAddress(value) ? "hosts" : field === "dns.answers.rdata" && !/^[\w.-]+\.[a-z]{2,}$/i.test(value) ? undefined : "domains";
  return page;
}
