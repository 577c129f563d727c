/** Every table on every page sorts by each of its heads, is found through, and is saved with all its columns. */
import { readFile } from "node:fs/promises";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { address, signIn, start, type Console } from "./console";
import { known, pagesOf } from "./pages";

let at: Console;

beforeAll(async () => {
  at = await start();
  await signIn(at);
}, 60_000);

afterAll(async () => {
  expect(at.faults).toEqual([]);
  await at?.end();
});

/** What looks like a table and is none to be worked on: a picture of hours, a printed sheet, the first rows of a table that the hunt shows whole. */
const NO_LISTS = ".heat, .sheet__table, .about__panel table";
/** Those of so many rows that only what is seen is drawn: the page around them filters and saves. */
const LONG = ".groups[role=grid], .rules[role=table], .results__scroll table";

async function saved(press: () => Promise<void>): Promise<string[]> {
  const saving = at.page.waitForEvent("download");
  await press();
  const text = await readFile(await (await saving).path(), "utf8");
  return text.replace("\uFEFF", "").trimEnd().split("\r\n");
}

async function check(table: Locator, name: string): Promise<void> {
  const heads = table.locator("thead th button.sort");
  const count = await heads.count();
  // All but the column of what can be done with a row.
  expect(await table.locator("thead th").count() - count, name).toBeLessThanOrEqual(1);
  expect(count, name).toBeGreaterThan(0);
  for (let column = 0; column < count; column += 1) {
    const head = heads.nth(column);
    const numeric = (await table.locator("thead th").nth(column).getAttribute("class"))?.includes("numeric") ?? false;
    await head.press("Enter");
    const sorted = table.locator("thead th[aria-sort]");
    await expect.poll(() => sorted.getAttribute("aria-sort"), { message: `${name} ${column}` }).toBe(numeric ? "descending" : "ascending");
    await head.press("Enter");
    await expect.poll(() => sorted.getAttribute("aria-sort"), { message: `${name} ${column}` }).toBe(numeric ? "ascending" : "descending");
  }
  const bar = table.locator("xpath=ancestor::div[contains(concat(' ', @class, ' '), ' sorted ')]").locator(".sorted__bar");
  const [head = "", ...lines] = await saved(() => bar.getByRole("button", { name: /CSV/ }).click());
  expect(head.split(",").length, name).toBe(count);
  expect(lines.length, name).toBeGreaterThan(0);
  if (await bar.getByRole("searchbox").count()) {
    await bar.getByRole("searchbox").fill("không có dòng nào như thế này");
    await expect.poll(() => table.locator("tbody tr").count(), { message: name }).toBe(0);
    await bar.getByRole("searchbox").fill("");
  }
}

test("tables sort, filter and are saved", { timeout: 600_000 }, async () => {
  const walked: string[] = [];
  for (const { views } of pagesOf(await known(at))) {
    for (const [name, path] of Object.entries(views)) {
      await at.open(path);
      await at.drawn();
      const tables = at.page.locator(`table:not(${NO_LISTS.split(", ").join("):not(")}):not(.results__scroll table)`);
      for (let index = 0; index < (await tables.count()); index += 1) {
        await check(tables.nth(index), `${name}, table ${index}`);
        walked.push(name);
      }
    }
  }
  // Lists of those with something in them on any console: the others are empty in a demonstration that has just begun.
  for (const name of ["inbox-rolled", "case", "cases", "hunt-tables", "graph", "sensors", "rule-sets", "access", "settings-people", "settings-units"]) expect(walked, name).toContain(name);
});

test("an address holds how a table is sorted and filtered", async () => {
  await at.open("/settings?tab=people");
  const head = at.page.locator("thead th").nth(1);
  await head.getByRole("button").press("Enter");
  await expect.poll(() => new URL(at.page.url()).searchParams.get("tables")).toContain("people");
  await at.open(at.page.url().slice(address.length));
  await expect.poll(() => at.page.locator("thead th").nth(1).getAttribute("aria-sort")).toBe("ascending");
});

test("long lists sort by their heads and are saved", { timeout: 120_000 }, async () => {
  for (const [path, heads] of [["/alerts", 3], ["/rules", 11]] as const) {
    await at.open(path);
    const list = at.page.locator(LONG).first();
    await list.locator("[role=row]").nth(1).waitFor();
    const sorts = list.locator("[role=columnheader] .sort");
    expect(await sorts.count(), path).toBe(heads);
    for (let column = 0; column < heads; column += 1) {
      const cell = list.locator("[role=columnheader]").filter({ has: at.page.locator(".sort") }).nth(column);
      await sorts.nth(column).press("Enter");
      await expect.poll(() => cell.getAttribute("aria-sort"), { message: `${path} ${column}` }).toMatch(/ending$/);
      const once = await cell.getAttribute("aria-sort");
      await sorts.nth(column).press("Enter");
      await expect.poll(() => cell.getAttribute("aria-sort"), { message: `${path} ${column}` }).not.toBe(once);
      expect(await cell.getAttribute("aria-sort"), `${path} ${column}`).toMatch(/ending$/);
    }
    const lines = await saved(() => at.page.getByRole("button", { name: /CSV/ }).first().click());
    expect(lines.length, path).toBeGreaterThan(3);
  }
});
