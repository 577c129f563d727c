/** What each page is for, done in either language: by the words that the page itself has for it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import en from "../src/lib/i18n/en.json";
import vi from "../src/lib/i18n/vi.json";
import { address, signIn, start, type Console } from "./console";
import { ask, known, type Known } from "./pages";

describe.each([
  ["vi", vi],
  ["en", en],
] as const)("in %s", (language, words) => {
  let at: Console;
  let there: Known;

  beforeAll(async () => {
    at = await start({ language });
    await signIn(at);
    there = await known(at);
  }, 120_000);

  afterAll(async () => {
    expect(at.strayed).toEqual([]);
    expect(at.faults).toEqual([]);
    await at?.end();
  });

  const button = (name: string) => at.page.getByRole("button", { name, exact: true }).first();
  const heading = (name: string) => at.page.getByRole("heading", { level: 1, name }).waitFor();
  const asked = (name: string) => expect.poll(() => new URL(at.page.url()).searchParams.get(name));

  test("the overview leads to the worst", async () => {
    await at.open("/");
    expect(await at.page.locator("html").getAttribute("lang")).toBe(language);
    await heading(words.nav.overview);
    await at.page.getByRole("region", { name: words.overview.new }).getByRole("link").first().click();
    await heading(words.nav.alerts);
    await at.page.locator(".groups__row .severity", { hasText: words.severity[1] }).first().waitFor();
    await at.picture(`language-${language}-inbox`);
  });

  test("an alert is taken on, and given back", async () => {
    await at.open(`/alerts/${there.group}`);
    await at.page.getByText(words.story.what, { exact: true }).waitFor();
    await button(words.action.acknowledge).click();
    await at.page.locator(".tag", { hasText: words.status.open }).first().waitFor();
    await at.page.keyboard.press("z");
    await at.page.locator(".tag", { hasText: words.status.new }).first().waitFor();
    await at.picture(`language-${language}-alert`);
  });

  test("records are found, and a range of time is written day first", async () => {
    await at.open("/hunt?from=now-7d&q=type%3Adns");
    await at.page.locator(".hunt__results tbody tr").first().waitFor();
    await at.page.getByRole("button", { name: `${words.range.title}: ${words.range["7d"]}` }).click();
    const from = at.page.getByLabel(words.range.from, { exact: true });
    await from.fill("31/02/2026 00:00");
    expect(await from.getAttribute("aria-invalid")).toBe("true");
    await button(words.range.apply).click();
    await at.page.getByText(words.range.wrong).waitFor();
    await from.fill("02/01/2026 08:30");
    await button(words.range.apply).click();
    await asked("from").toBe("2026-01-02T01:30:00.000Z");
    await at.picture(`language-${language}-hunt`);
  });

  test("a host, a domain and a flow tell of themselves", async () => {
    for (const [path, name] of [["hosts/192.168.10.10", words.pivot.kind.hosts], ["domains/tinh.example", words.pivot.kind.domains], [`flows/${there.flow}`, words.pivot.kind.flows]] as const) {
      await at.open(`/about/${path}`);
      await at.page.getByRole("heading", { level: 1, name }).waitFor();
      await at.page.locator("main").getByText(words.about.hunt, { exact: true }).first().waitFor();
    }
  });

  test("a case is opened, and gets a note of when something was", async () => {
    await at.open("/cases");
    await button(words.cases.new).click();
    const dialog = at.page.getByRole("dialog");
    await dialog.getByRole("textbox").first().fill(`Thử ${language}`);
    await dialog.getByRole("button", { name: words.cases.make }).click();
    await heading(`Thử ${language}`);
    await at.page.getByLabel(words.comment.label).fill("Đã gọi cho xã");
    await at.page.getByLabel(words.cases.happenedAt).fill("02/01/2026 08:30");
    await button(words.cases.addNote).click();
    await at.page.getByText("02/01/2026 08:30:00").first().waitFor();
    await at.picture(`language-${language}-case`);
  });

  test("techniques, connections, sensors and rules are found", async () => {
    await at.open("/attack");
    await heading(words.attack.title);
    await at.page.getByLabel(words.attack.onlySeen).check();
    await asked("seen").not.toBeNull();
    await at.open("/graph?from=now-7d");
    await at.page.getByRole("region", { name: words.graph.pairs }).locator("tbody tr").first().waitFor();
    await at.open("/sensors");
    await at.page.getByRole("region", { name: words.alarms.title }).waitFor();
    await at.open("/rules");
    await at.page.getByLabel(words.rules.search).fill("9000031");
    await at.page.locator(".rules__scroll a[href='/rules/9000031']").click();
    await at.page.getByText(words.story.why, { exact: true }).waitFor();
  });

  test("reports are read and fetched", async () => {
    await at.open("/reports");
    await at.page.getByRole("link", { name: words.reports.kind.weekly }).click();
    await at.page.locator(".sheet h3").first().waitFor();
    const file = await at.page.getByRole("link", { name: "PDF" }).getAttribute("href");
    const answer = await at.page.request.get(address + (file ?? ""));
    expect((await answer.body()).subarray(0, 5).toString()).toBe("%PDF-");
    await at.page.getByLabel(words.reports.until).fill("02/01/2026");
    await asked("day").toBe("2026-01-02");
    await at.picture(`language-${language}-report`);
  });

  test("the wall turns", async () => {
    await at.open("/wall");
    await heading(words.wall.alerts);
    await at.page.keyboard.press("ArrowRight");
    await at.page.keyboard.press("ArrowRight");
    await heading(words.wall.sensors);
  });

  test("who did what is read, fetched, and proved whole", async () => {
    await at.open("/settings?tab=audit");
    const log = at.page.getByRole("region", { name: words.audit.title });
    await log.getByLabel(words.audit.area, { exact: true }).selectOption({ label: words.audit.areas.session });
    await asked("area").toBe("session");
    await log.getByRole("cell", { name: words.audit.did.session_create }).first().waitFor();
    expect(await log.getByRole("cell", { name: words.audit.did.case_create }).count()).toBe(0);
    await log.getByLabel(words.audit.area, { exact: true }).selectOption("");
    await log.getByLabel(words.audit.words).fill("Không ai viết thế này");
    await at.page.keyboard.press("Enter");
    await log.getByText(words.audit.none).waitFor();
    await at.open("/settings?tab=audit");
    const [taken] = await Promise.all([at.page.waitForEvent("download"), log.getByRole("link", { name: words.audit.file }).click()]);
    expect(taken.suggestedFilename()).toBe("matluoi-audit.csv");
    await button(words.audit.check).click();
    await log.locator(".note--good").waitFor();
    const { items } = await ask<{ items: { action: string }[] }>(at, "/api/v1/audit?action=audit");
    expect(items.map(({ action }) => action)).toContain("audit.file");
    expect(await at.barriers(true)).toEqual([]);
    await at.picture(`language-${language}-audit`);
  });

  test("what a person sets is kept", async () => {
    await at.open("/account");
    await at.page.getByText(words.density.dense, { exact: true }).click();
    await expect.poll(() => at.page.locator("html").getAttribute("data-density")).toBe("dense");
    await at.open("/account");
    expect(await at.page.locator("html").getAttribute("data-density")).toBe("dense");
    await at.page.getByText(words.density.comfortable, { exact: true }).click();
  });
});
