/** Sources that many take. Names and addresses as their publishers give them; a collector without internet takes their files by hand. */
import type { FeedRequest } from "./api";

export const KINDS = ["rules", "list", "csv", "misp", "taxii", "folder"] as const;
export type Kind = (typeof KINDS)[number];
export const INDICATORS = ["domain", "ip", "url", "ja3", "cert_sha1", "md5", "sha1", "sha256"] as const;

export interface Preset {
  name: string;
  request: FeedRequest;
}

const NOTHING_MORE = { indicator: null, proxy: null, header: null, enabled: true, publishes: false };

const abuse = (name: string, address: string): Preset => ({
  name,
  request: { ...NOTHING_MORE, kind: "csv", address, every_hours: 6 },
});

export const PRESETS: readonly Preset[] = [
  {
    name: "ET Open",
    request: { ...NOTHING_MORE, kind: "rules", address: "https://rules.emergingthreats.net/open/suricata-7.0.3/emerging.rules.tar.gz", every_hours: 24 },
  },
  abuse("abuse.ch URLhaus", "https://urlhaus.abuse.ch/downloads/csv_recent/"),
  abuse("abuse.ch ThreatFox", "https://threatfox.abuse.ch/export/csv/recent/"),
  abuse("abuse.ch Feodo Tracker", "https://feodotracker.abuse.ch/downloads/ipblocklist.csv"),
  abuse("abuse.ch SSL certificates", "https://sslbl.abuse.ch/blacklist/sslblacklist.csv"),
  abuse("abuse.ch SSL JA3", "https://sslbl.abuse.ch/blacklist/ja3_fingerprints.csv"),
];

export const OWN: FeedRequest = { ...NOTHING_MORE, kind: "rules", address: "", every_hours: 24 };
