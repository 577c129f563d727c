// @vitest-environment node
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isObject } from "@/lib/json";
import en from "./en.json";
import vi from "./vi.json";

/** Keys without the ending that a plural has. */
function keys(tree: unknown, prefix = ""): string[] {
  if (!isObject(tree)) return [prefix.replace(/_(one|other)$/, "")];
  return Object.entries(tree).flatMap(([key, value]) => keys(value, prefix ? `${prefix}.${key}` : key));
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "gen" ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.includes(".test.") ? [readFileSync(path, "utf8")] : [];
  });
}

const known = new Set(keys(vi));
const code = sources("src").join("\n");

test("both languages have the same words", () => {
  expect([...new Set(keys(en))].sort()).toEqual([...known].sort());
});

test("no word is missing", () => {
  const asked = [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  expect(asked.filter((key) => !known.has(key))).toEqual([]);
});

test("no word is left over", () => {
  const literal = new Set([...code.matchAll(/"([a-zA-Z]+(?:\.[\w]+)+)"/g)].map((match) => match[1] ?? ""));
  const begun = [...code.matchAll(/`([a-zA-Z]+(?:\.[a-zA-Z]+)*\.)\$\{/g)].map((match) => match[1] ?? "");
  const unused = [...known].filter((key) => !literal.has(key) && !begun.some((start) => key.startsWith(start)));
  expect(unused).toEqual([]);
});

test("no word is without text, and none lost what is put into it", () => {
  const text = (tree: unknown, path: string): string => {
    const found = path.split(".").reduce<unknown>((here, key) => (isObject(here) ? here[key] : undefined), tree);
    return typeof found === "string" ? found : "";
  };
  for (const key of known) {
    const names = (value: string) => [...value.matchAll(/\{\{(\w+)/g)].map((match) => match[1]).sort();
    const english = text(en, key) || text(en, `${key}_other`);
    expect(text(vi, key), key).not.toBe("");
    expect(english, key).not.toBe("");
    expect([...new Set(names(english))].filter((name) => name !== "count"), key).toEqual([...new Set(names(text(vi, key)))].filter((name) => name !== "count"));
  }
});
