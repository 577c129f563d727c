import { expect, test } from "vitest";
import { pivotOf } from "./pivot";

test.each([
  ["src_ip", "10.0.0.1", "hosts"],
  ["dest_ip", "fd10::1", "hosts"],
  ["tls.sni", "a.example", "domains"],
  ["http.hostname", "192.0.2.1", "hosts"],
  ["dns.answers.rdata", "192.0.2.1", "hosts"],
  ["dns.answers.rdata", "cdn.example.com", "domains"],
  ["dns.answers.rdata", "v=spf1 -all", undefined],
  ["fileinfo.sha256", "ab", "files"],
  ["tls.ja4", "t13d", "fingerprints"],
  ["flow_id", "7", "flows"],
  ["event_type", "dns", undefined],
])("%s %s leads to %s", (field, value, page) => expect(pivotOf(field, value)).toBe(page));
