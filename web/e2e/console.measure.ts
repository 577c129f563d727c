/** Figures, not verdicts: how soon pages are ready on a machine four times as slow, and how long lists scroll. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

let at: Console;

beforeAll(async () => {
  at = await start();
  await signIn(at);
});

afterAll(async () => {
  await at?.end();
});

const median = (values: readonly number[]) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

test("the first page on a slow machine", { timeout: 300_000 }, async () => {
  const cdp = await at.page.context().newCDPSession(at.page);
  await cdp.send("Network.enable");
  // What the page's thread worked, which does not grow when others keep the machine busy.
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  for (const [name, path, sign] of [["overview", "/", ".tile"], ["inbox", "/alerts", ".groups__row"], ["hunt", "/hunt", ".hunt__results"]] as const) {
    const ready: number[] = [];
    const painted: number[] = [];
    const worked: number[] = [];
    let requests = 0;
    let bytes = 0;
    for (let round = 0; round < 5; round += 1) {
      await cdp.send("Network.clearBrowserCache");
      await cdp.send("Emulation.setCPUThrottlingRate", { rate: 4 });
      const address = new URL(path, at.page.url()).href;
      // Another document, so that its work is counted from nothing.
      await at.page.goto("about:blank");
      await at.page.goto(address, { waitUntil: "commit" });
      await at.page.locator(sign).first().waitFor({ timeout: 60_000 });
      // Ready is when the page answers: the next frame that it draws behind what it shows.
      ready.push(await at.page.evaluate(() => new Promise<number>((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))));
      painted.push(await at.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN));
      const { metrics } = await cdp.send("Performance.getMetrics");
      worked.push(1_000 * (metrics.find((one) => one.name === "TaskDuration")?.value ?? Number.NaN));
      [requests, bytes] = await at.page.evaluate(() => {
        const all = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
        return [all.length, all.reduce((sum, one) => sum + one.transferSize, 0)] as const;
      });
      await cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
      await at.settled();
    }
    process.stdout.write(`${name}: first paint ${Math.round(median(painted))} ms, ready ${Math.round(median(ready))} ms (median of ${ready.length}, CPU at a quarter, cache empty); ${Math.round(median(worked))} ms of the CPU, ${requests} requests, ${Math.round(bytes / 1_024)} KiB\n`);
    expect(ready).toHaveLength(5);
  }
});

test("lists of 100,000 rows", { timeout: 300_000 }, async () => {
  const rows = 100_000;
  await at.page.route("**/api/v1/rules", async (route) => {
    const response = await route.fetch();
    const found = (await response.json()) as { sid: number }[];
    await route.fulfill({ response, json: Array.from({ length: rows }, (_, index) => ({ ...found[index % found.length], sid: 10_000_000 + index })) });
  });
  await at.open("/rules");
  await at.page.locator(".rules__scroll [role=row]").first().waitFor({ timeout: 60_000 });
  const frames = await at.page.evaluate(async () => {
    const list = document.querySelector(".rules__scroll");
    if (!list) return [];
    const taken: number[] = [];
    let last = performance.now();
    const from = last;
    await new Promise<void>((done) => {
      const step = (now: number) => {
        taken.push(now - last);
        last = now;
        list.scrollTop += 400;
        if (now - from < 5_000) requestAnimationFrame(step);
        else done();
      };
      requestAnimationFrame(step);
    });
    return taken.slice(1);
  });
  const sorted = [...frames].sort((one, other) => one - other);
  const drawn = await at.page.locator(".rules__scroll [role=row]").count();
  process.stdout.write(`${rows} rows: ${frames.length} frames in 5 s, median ${Math.round(median(frames))} ms, p95 ${Math.round(sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN)} ms; ${drawn} rows in the page\n`);
  // Whatever the length of the list, the page holds what is seen.
  expect(drawn).toBeLessThan(100);
  expect(await at.page.locator(".rules__scroll").evaluate((list) => list.scrollTop)).toBeGreaterThan(10_000);
});
