/** A browser on a running console. Its address and a login come from ML_CONSOLE, ML_USER, ML_PASSWORD. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { chromium, type Browser, type Page, type Request } from "playwright-core";

const OUTPUT = fileURLToPath(new URL("./output/", import.meta.url));
const OPTIONS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; the browser tests need a running console`);
  return value;
}

export const address = setting("ML_CONSOLE").replace(/\/$/, "");

export interface Console {
  page: Page;
  /** Requests that left the console's origin, and faults that the page reported. */
  strayed: string[];
  faults: string[];
  open: (path: string) => Promise<void>;
  /** Waits until nothing is asked any more. Streams, which never end, do not count. */
  settled: () => Promise<void>;
  /** Waits until nothing stands for what is still to come, and every chart has drawn its last frame. */
  drawn: () => Promise<void>;
  picture: (name: string) => Promise<void>;
  /** Serious faults of accessibility; or all that the tool finds. */
  barriers: (all?: boolean) => Promise<string[]>;
  end: () => Promise<void>;
}

interface Start {
  theme?: "light" | "dark";
  language?: "vi" | "en";
}

export async function start({ theme = "light", language = "vi" }: Start = {}): Promise<Console> {
  mkdirSync(OUTPUT, { recursive: true });
  const browser: Browser = await chromium.launch({ executablePath: process.env.ML_CHROMIUM ?? "/usr/bin/chromium", args: OPTIONS });
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, colorScheme: theme, reducedMotion: "reduce", acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const strayed: string[] = [];
  const faults: string[] = [];
  const pending = new Set<Request>();
  let quietSince = Date.now();
  const over = (request: Request) => {
    pending.delete(request);
    quietSince = Date.now();
  };
  page.on("requestfinished", over);
  page.on("requestfailed", over);
  const settled = async () => {
    const until = Date.now() + 20_000;
    while ((pending.size > 0 || Date.now() - quietSince < 400) && Date.now() < until) await page.waitForTimeout(50);
  };
  page.on("request", (request) => {
    const url = request.url();
    quietSince = Date.now();
    if (request.resourceType() !== "eventsource") pending.add(request);
    if (!url.startsWith(`${address}/`) && !/^(blob|data):/.test(url)) strayed.push(url);
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    // An answer that refuses is reported by the browser, and expected by the tests that provoke it.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
  });
  await page.addInitScript(
    ([shown, spoken]) => {
      if (localStorage.getItem("matluoi.theme") === null) localStorage.setItem("matluoi.theme", shown);
      if (localStorage.getItem("matluoi.language") === null) localStorage.setItem("matluoi.language", spoken);
    },
    [theme, language] as const,
  );
  return {
    page,
    strayed,
    faults,
    open: async (path) => {
      // What the page that is left had asked for does not end.
      pending.clear();
      await page.goto(address + path);
      await settled();
    },
    settled,
    drawn: async () => {
      await page.waitForFunction(() => document.querySelector(".skeleton, .chart:not([data-drawn])") === null);
    },
    picture: async (name) => {
      await settled();
      await page.screenshot({ path: `${OUTPUT}${name}.png` });
    },
    barriers: async (all = false) => {
      // The page's policy takes no script from elsewhere; the browser's own tools may give it one.
      await page.evaluate(axe.source);
      const found = await page.evaluate(async (every) => {
        const { axe: tool } = window as unknown as { axe: { run: (where: object, options: object) => Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
        // A hint shows with the focus that a closing dialog gives back; it is no content that a landmark should hold.
        const { violations } = await tool.run({ exclude: [["#tip"]] }, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice", ...(every ? ["wcag22aa"] : [])] });
        return violations.filter(({ impact }) => every || impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} (${node.failureSummary.slice(0, 200)})`).join(" | ")}`);
      }, all);
      return found;
    },
    end: () => browser.close(),
  };
}

export async function signIn({ page, open }: Console): Promise<void> {
  await open("/");
  await page.locator("#username").fill(setting("ML_USER"));
  await page.locator("#password").fill(setting("ML_PASSWORD"));
  await page.keyboard.press("Enter");
  await page.locator("nav .side__link").first().waitFor();
}
