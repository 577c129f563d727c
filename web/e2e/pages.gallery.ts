/** Every page as a picture: both themes, three widths, and the states that a page can be in. Somebody looks at them. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";
import { pretend, STATES } from "./gallery";
import { known, pagesOf } from "./pages";

const OUTPUT = fileURLToPath(new URL("./output/gallery/", import.meta.url));
const WIDTHS = [[1366, 768], [1920, 1080], [3840, 2160]] as const;
let pages: [name: string, path: string][];
let at: Console;

beforeAll(async () => {
  mkdirSync(OUTPUT, { recursive: true });
  at = await start();
  await signIn(at);
  pages = pagesOf(await known(at)).flatMap(({ views }) => Object.entries(views));
});

afterAll(async () => {
  await at?.end();
});

async function take(name: string, path: string, mustSettle: boolean): Promise<void> {
  if (mustSettle) await at.open(path);
  else {
    await at.page.goto(new URL(path, at.page.url()).href);
    await at.page.locator(".skeleton").first().waitFor({ timeout: 3_000 }).catch(() => undefined);
  }
  await at.page.locator("h1, .skeleton").first().waitFor();
  // What fails is asked for again before the page says so.
  if (mustSettle) await expect.poll(() => at.page.locator(".skeleton").count(), { timeout: 60_000, message: name }).toBe(0);
  await at.page.evaluate(() => document.fonts.ready);
  await at.page.screenshot({ path: `${OUTPUT}${name}.png` });
  const wide = await at.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide, `${name} is wider than the screen`).toBe(0);
}

for (const theme of ["light", "dark"] as const) {
  for (const [width, height] of WIDTHS) {
    test(`pages at ${width}, ${theme}`, { timeout: 900_000 }, async () => {
      await pretend(at.page, "real");
      await at.page.setViewportSize({ width, height });
      await at.page.evaluate((shown) => localStorage.setItem("matluoi.theme", shown), theme);
      for (const [name, path] of pages) await take(`${name}-${width}-${theme}`, path, true);
    });
  }
  for (const state of STATES.filter((one) => one !== "real")) {
    test(`pages that are ${state}, ${theme}`, { timeout: 900_000 }, async () => {
      await at.page.setViewportSize({ width: 1366, height: 768 });
      await at.page.evaluate((shown) => localStorage.setItem("matluoi.theme", shown), theme);
      await pretend(at.page, state);
      for (const [name, path] of pages) await take(`${name}-${state}-${theme}`, path, state !== "loading");
    });
  }
}

test("no page broke", () => {
  expect(at.faults).toEqual([]);
  expect(at.strayed).toEqual([]);
});
