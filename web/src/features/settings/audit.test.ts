// @vitest-environment node
/** What the collector notes in its audit log has words here. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import vi from "@/lib/i18n/vi.json";
import { AREAS } from "./route";

const COLLECTOR = "../collector";

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith(".rs") ? [readFileSync(path, "utf8")] : [];
  });
}

test("every action has words, and every area", () => {
  const code = [...sources(join(COLLECTOR, "api/src")), ...sources(join(COLLECTOR, "daemon/src"))].join("\n");
  const begins = [...new Set([...AREAS])].join("|");
  // A literal that is one name, a point, and a verb: as nothing but actions is written.
  const noted = [...code.matchAll(/(?:note\(|action[:,]|=>|=)[^;"]{0,80}"([a-z_]+\.[a-z_.]+)"/g)].map((match) => match[1] ?? "").filter((one) => new RegExp(`^(${begins})\\.(?!toml$)`).test(one));
  expect(noted.length).toBeGreaterThan(80);
  // What is certainly noted, of areas that are not known here, too.
  noted.push(...[...code.matchAll(/\bnote\([^;"]{0,80}"([a-z_]+\.[a-z_.]+)"/g)].map((match) => match[1] ?? ""));
  const unknown = [...new Set(noted)].filter((one) => !(one.replaceAll(".", "_") in vi.audit.did));
  expect(unknown).toEqual([]);
  expect(Object.keys(vi.audit.areas).sort()).toEqual([...AREAS].sort());
});
