/** The archive: set up, filled with days past retention, looked at, and days of it brought back to a search. In English, in the dark theme, by keyboard. */
import { mkdirSync, readdirSync, utimesSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { address, setting, signIn, start, type Console } from "./console";
import { ask } from "./pages";

/** Past the ten years that a demonstration keeps. */
const DAY = "2014-05-06";
const RANGE = "from=2014-05-01T00:00:00Z&to=2014-05-31T00:00:00Z";
const data = setting("ML_DATA");
const INDEX = `${data}/collector/index`;
let at: Console;

beforeAll(async () => {
  at = await start({ theme: "dark", language: "en" });
  await signIn(at);
});

afterAll(async () => {
  expect(at.strayed).toEqual([]);
  expect(at.faults).toEqual([]);
  await at?.end();
});

const dialog = () => at.page.getByRole("dialog");
const button = (name: string) => dialog().getByRole("button", { name });

/** Goes on with the Tab key until something has the focus; whoever has no mouse must get there. */
async function tabTo(name: string | RegExp): Promise<void> {
  for (let step = 0; step < 30; step += 1) {
    const told = await at.page.evaluate(() => {
      const here = document.activeElement;
      const labels = (here as HTMLInputElement | null)?.labels;
      return labels?.length ? [...labels].map((label) => label.textContent).join(" ") : (here?.textContent ?? "");
    });
    if (typeof name === "string" ? told.trim().startsWith(name) : name.test(told)) return;
    await at.page.keyboard.press("Tab");
  }
  expect.fail(`the Tab key does not lead to ${String(name)}`);
}

test("an archive is set up, and told where it cannot be", async () => {
  await at.open("/settings?tab=storage");
  await at.page.getByRole("region", { name: "Archive" }).getByText("There is no archive").waitFor();
  await at.page.getByRole("button", { name: "Set up the archive" }).press("Enter");
  await tabTo("Move days past retention");
  await at.page.keyboard.press("Space");
  await tabTo("Folder");
  await at.page.keyboard.press("ArrowRight");
  await dialog().getByLabel("Bucket").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("archive-s3");
  await at.page.keyboard.press("ArrowLeft");
  await tabTo("Folder");
  await at.page.keyboard.press("Tab");
  await at.page.keyboard.type("/etc");
  await tabTo("Try writing and reading");
  await at.page.keyboard.press("Enter");
  await dialog().getByText("The folder is not below one that is allowed").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("archive-refused");
  await dialog().getByLabel("Folder").last().fill(`${data}/archive`);
  await button("Try writing and reading").press("Enter");
  await dialog().getByText("There is no such bucket, folder or pack.").waitFor();
  mkdirSync(`${data}/archive`);
  await button("Try writing and reading").press("Enter");
  await dialog().getByText("Writing and reading work.").waitFor();
  await tabTo("Save");
  await at.page.keyboard.press("Enter");
  await dialog().waitFor({ state: "detached" });
  await at.page.getByText(/^Days past retention go to .*Nothing is there yet\.$/).waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("archive-empty");
});

test("days past retention go there, and come back for a while", { timeout: 180_000 }, async () => {
  const { token } = await ask<{ token: string }>(at, "/api/v1/sources", { name: "old", unit_id: 1 });
  const lines = Array.from({ length: 40 }, (_, n) => JSON.stringify({ timestamp: `${DAY}T10:00:00.${String(n).padStart(6, "0")}+0000`, event_type: "dns", src_ip: "10.0.0.1", dest_ip: "192.0.2.1", proto: "UDP", dns: { rrname: `n${n}.example` } }));
  const sent = await fetch(`${address}/api/v1/ingest`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body: lines.join("\n") });
  expect(await sent.json()).toMatchObject({ accepted: 40 });
  const storage = at.page.getByRole("region", { name: "Archive" });
  await at.open("/settings?tab=storage");
  await expect
    .poll(
      async () => {
        // Nothing has come for that day for hours, as far as its files tell.
        const files = readdirSync(INDEX, { recursive: true, encoding: "utf8" });
        for (const meta of files.filter((file) => file.startsWith("2014-") && file.endsWith("meta.json"))) utimesSync(`${INDEX}/${meta}`, 0, 0);
        return storage.textContent();
      },
      { timeout: 120_000, interval: 1_000 },
    )
    .toMatch(/It holds 06\/05\/2014 – 06\/05\/2014, \d+ records/);
  await storage.locator("tbody tr", { hasText: "06/05/2014Records40" }).waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await storage.scrollIntoViewIfNeeded();
  await at.picture("archive");

  await at.open(`/hunt?class=record&${RANGE}`);
  await at.page.getByText("1 day of this range (06/05/2014, 40 records) is in the archive and was not searched.").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("archive-hunt");
  await at.page.getByRole("button", { name: "Bring back to search" }).press("Enter");
  await dialog().getByLabel("Stay for").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("archive-bring");
  await dialog().getByLabel("Stay for").selectOption("8");
  await button("Bring back to search").press("Enter");
  await dialog().waitFor({ state: "detached" });
  await at.page.getByText(/^40 records/).waitFor({ timeout: 60_000 });
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("archive-found");

  await at.open("/settings?tab=storage");
  const back = at.page.getByRole("region", { name: "Back from the archive" });
  await back.locator("tbody tr", { hasText: "searched" }).first().waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await back.scrollIntoViewIfNeeded();
  await at.picture("archive-recalls");
  await back.getByRole("button", { name: "Send back: 06/05/2014" }).press("Enter");
  await back.waitFor({ state: "detached" });
});

test("it is turned off again, and what is there stays", async () => {
  await at.open("/settings?tab=storage");
  await at.page.getByRole("button", { name: "Set up the archive" }).press("Enter");
  await dialog().getByLabel("Move days past retention").uncheck();
  await dialog().getByText("What is in the archive stays there.").waitFor();
  await at.picture("archive-off");
  await button("Save").press("Enter");
  await dialog().waitFor({ state: "detached" });
  await at.page.getByText(/^The archive is off.*06\/05\/2014/).waitFor();
});
