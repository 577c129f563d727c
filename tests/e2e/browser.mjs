// What an analyst sees of the laboratory's attacks: signs in, finds each expected alert in the inbox, opens one,
// finds ordinary traffic by searching, and the sensor among the sensors. Run by tests/e2e/run.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const { ML_CONSOLE: address, ML_USER: user, ML_PASSWORD: password, ML_OUTPUT: output } = process.env;

/** The signatures that the scenarios must raise, by number; the inbox finds them by `sid:`. */
const EXPECTED = [
  [9000001, "a scan"],
  [9000020, "guessed SSH passwords"],
  [9000009, "web scanners"],
];
const SQL_INJECTION = "SQL";
const PATIENCE_MS = 60_000;

await mkdir(output, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
let page;
try {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: "vi-VN" });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);

  await page.goto(address);
  await page.fill("#username", user);
  await page.fill("#password", password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.includes("sign-in"));

  for (const [sid, what] of EXPECTED) {
    await appears(`/alerts?q=${encodeURIComponent(`sid:${sid}`)}`, /MATLUOI/, what);
  }
  await appears(`/alerts?q=${SQL_INJECTION}`, /MATLUOI.*SQL/s, "SQL injection");

  await page.goto(`${address}/alerts?q=${encodeURIComponent("sid:9000020")}`);
  await page.getByText(/MATLUOI/).first().waitFor();
  await page.keyboard.press("o");
  await page.waitForURL(/\/alerts\/\d+/);
  await page.getByText("203.0.113.66").first().waitFor();
  await page.getByText("192.168.10.10").first().waitFor();
  await page.screenshot({ path: `${output}/alert.png` });

  await appears(`/hunt?q=${encodeURIComponent("type:http AND src_ip:192.168.10.0/24")}`, /192\.168\.10\.50/, "ordinary browsing");
  await page.screenshot({ path: `${output}/hunt.png` });
  await appears("/sensors", /cong-thu-nghiem/, "the sensor");
  await page.screenshot({ path: `${output}/sensors.png` });
  console.log("browser: every alert was found");
} catch (error) {
  await page?.screenshot({ path: `${output}/failure.png` });
  throw error;
} finally {
  await browser.close();
}

/** Loads a page again and again until its text has what is looked for: records arrive when they arrive. */
async function appears(path, pattern, what) {
  const until = Date.now() + PATIENCE_MS;
  let text = "";
  while (Date.now() < until) {
    await page.goto(address + path, { waitUntil: "networkidle" }).catch(() => {});
    text = await page.locator("main").innerText().catch(() => "");
    if (pattern.test(text)) return;
    await page.waitForTimeout(1_000);
  }
  assert.fail(`${what} is not on ${path}; the page says: ${text.slice(0, 600)}`);
}
