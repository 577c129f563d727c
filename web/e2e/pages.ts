/** Every page of the console, by the route that it is of. A route without a page here fails `barriers.e2e.ts`. */
import type { Console } from "./console";

export interface PageOf {
  /** As the router has it. */
  route: string;
  /** Names of pictures, and addresses that show different parts of the page. */
  views: Readonly<Record<string, string>>;
}

/** What the addresses need that is only known once the console runs. */
export interface Known {
  group: number;
  case: number;
  set: number;
  feed: number;
  sensor: string;
  flow: string;
}

const SETTINGS = ["people", "units", "notifications", "alarms", "sources", "storage", "audit"] as const;
const ALERT = ["protocol", "payload", "packets", "rule", "json", "history"] as const;
const BENCH = ["try", "diff", "versions", "publish"] as const;
const FEED = ["changes", "filters", "settings"] as const;
const tables = "/hunt?from=now-7d&q=type%3Aflow%20%7C%20groupby%20-sankey%20src_ip%20dest_ip%20%7C%20groupby%20-pie%20app_proto%20%7C%20groupby%20src_ip";

export function pagesOf({ group, case: one, set, feed, sensor, flow }: Known): PageOf[] {
  const tabs = (path: string, names: readonly string[], prefix: string) => Object.fromEntries(names.map((name) => [`${prefix}-${name}`, `${path}?tab=${name}`]));
  return [
    { route: "/", views: { overview: "/" } },
    { route: "/alerts", views: { inbox: "/alerts", "inbox-rolled": "/alerts?by=source" } },
    { route: "/alerts/$group", views: { alert: `/alerts/${group}`, ...tabs(`/alerts/${group}`, ALERT, "alert") } },
    { route: "/hide-rules", views: { "hide-rules": "/hide-rules" } },
    { route: "/cases", views: { cases: "/cases?tab=all" } },
    { route: "/cases/$case", views: { case: `/cases/${one}` } },
    { route: "/hunt", views: { hunt: "/hunt?from=now-7d", "hunt-tables": tables } },
    { route: "/about/$kind/$value", views: { host: "/about/hosts/192.168.10.10", domain: "/about/domains/tinh.example", flow: `/about/flows/${flow}` } },
    { route: "/attack", views: { attack: "/attack" } },
    { route: "/graph", views: { graph: "/graph?from=now-7d" } },
    { route: "/sensors", views: { sensors: "/sensors" } },
    { route: "/fleet", views: { fleet: "/fleet", "fleet-sensor": `/fleet?sensor=${sensor}` } },
    { route: "/rules", views: { rules: "/rules" } },
    { route: "/rules/$sid", views: { rule: "/rules/9000031" } },
    { route: "/rule-sets", views: { "rule-sets": "/rule-sets" } },
    { route: "/rule-sets/$set", views: { "rule-set": `/rule-sets/${set}`, ...tabs(`/rule-sets/${set}`, BENCH, "rule-set") } },
    { route: "/rule-feeds", views: { "rule-feeds": "/rule-feeds" } },
    { route: "/rule-feeds/$feed", views: { "rule-feed": `/rule-feeds/${feed}`, ...tabs(`/rule-feeds/${feed}`, FEED, "rule-feed") } },
    { route: "/rule-hunts", views: { "rule-hunts": "/rule-hunts" } },
    { route: "/reports", views: { reports: "/reports", handover: "/reports?kind=handover" } },
    { route: "/wall", views: { wall: "/wall" } },
    { route: "/settings", views: { access: "/settings", ...tabs("/settings", SETTINGS, "settings") } },
    { route: "/account", views: { account: "/account" } },
  ];
}

/** Asks the collector as the page that is signed in does. */
export async function ask<T>({ page }: Console, path: string, content?: object): Promise<T> {
  const answer = await page.evaluate(
    async ([address, body]) => {
      if (body === undefined) return (await fetch(address)).json() as Promise<unknown>;
      const { csrf } = (await (await fetch("/api/v1/session")).json()) as { csrf: string };
      return (await fetch(address, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body })).json() as Promise<unknown>;
    },
    [path, content && JSON.stringify(content)] as const,
  );
  return answer as T;
}

/** A group, a flow, a case with alerts, a set of rules and a source of rules; the latter three are made where there are none. */
export async function known(at: Console): Promise<Known> {
  const { items: groups } = await ask<{ items: { id: number; gid: number; app_proto: string | null }[] }>(at, "/api/v1/groups?sort=risk&limit=100");
  const { items: cases } = await ask<{ items: { id: number; groups: number }[] }>(at, "/api/v1/cases?limit=100");
  const [feed] = await ask<{ id: number }[]>(at, "/api/v1/feeds");
  const sets = await ask<{ id: number; fed_by: number | null }[]>(at, "/api/v1/rule-sets");
  const set = sets.find((one) => one.fed_by === null);
  const sensors = await ask<{ id: string; kind: string }[]>(at, "/api/v1/sensors");
  const { items: records } = await ask<{ items: { flow_id: number }[] }>(at, "/api/v1/search?q=type:http&from=now-7d&limit=1");
  const { user } = await ask<{ user: { unit_id: number } }>(at, "/api/v1/session");
  // Of a signature: that has bytes, and a rule whose text is known.
  const group = (groups.find(({ gid, app_proto }) => gid === 1 && app_proto === "http") ?? groups[0])?.id;
  if (group === undefined) throw new Error("the demonstration has no alerts");
  const one = cases.find(({ groups }) => groups > 0) ?? (await ask<{ id: number }>(at, "/api/v1/cases", { title: "Máy chủ web có webshell", severity: 1, groups: [group] }));
  const made = { name: "Nguồn mẫu", unit_id: user.unit_id, kind: "list", address: "", enabled: true, publishes: false };
  const fed = feed ?? (await ask<{ id: number }>(at, "/api/v1/feeds", made));
  return { group, case: one.id, feed: fed.id, flow: String(records[0]?.flow_id), sensor: sensors.find(({ kind }) => kind === "sensor")?.id ?? "", set: (set ?? (await ask<{ id: number }>(at, "/api/v1/rule-sets", { name: "Bộ luật mẫu", unit_id: user.unit_id }))).id };
}
