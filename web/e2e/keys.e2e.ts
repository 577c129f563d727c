/** Each key that the list of keys names does what it says. The list is read from the page: a key without a trial here fails. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";
import { known, type Known } from "./pages";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));

let at: Console;
let there: Known;

beforeAll(async () => {
  at = await start();
  await signIn(at);
  there = await known(at);
}, 60_000);

afterAll(async () => {
  expect(at.faults).toEqual([]);
  await at?.end();
});

const rows = () => at.page.locator(".groups__scroll [role=row]");
const place = async () => Number(await at.page.locator(".groups__row.is-cursor").getAttribute("aria-rowindex"));
const press = async (...keys: string[]) => {
  for (const key of keys) await at.page.keyboard.press(key);
};
const chosen = () => at.page.locator("[role=row][aria-selected=true]").count();
const path = () => new URL(at.page.url()).pathname;
const parameter = (name: string) => new URL(at.page.url()).searchParams.get(name);
/** Opens the second group: there is one before it, and more behind. */
const open = async () => {
  await press("j", "o");
  await expect.poll(path).toMatch(/^\/alerts\/\d+$/);
  await at.page.locator(".detail").waitFor();
};
const asks = (key: string, name: RegExp) => async () => {
  await press(key);
  await at.page.getByRole("dialog", { name }).waitFor();
};
/** Done to the group under the cursor, told, and taken back. */
const does = (key: string, told: string) => async () => {
  await press(key);
  await at.page.getByText(told).first().waitFor();
  await press("z");
  await at.page.getByText("Đã hoàn tác 1 nhóm").first().waitFor();
};
const leads = (key: string, to: string, tab: string | null = null) => async () => {
  await press("g", key);
  await expect.poll(() => [path(), parameter("tab")]).toEqual([to, tab]);
};

const TRIALS: Record<string, () => Promise<void>> = {
  j: async () => {
    await press("j");
    await expect.poll(place).toBe(3);
  },
  k: async () => {
    await press("j", "j", "k");
    await expect.poll(place).toBe(3);
  },
  o: open,
  Enter: async () => {
    await press("Enter");
    await expect.poll(path).toMatch(/^\/alerts\/\d+$/);
  },
  u: async () => {
    await open();
    await press("u");
    await expect.poll(path).toBe("/alerts");
  },
  "[": async () => {
    await open();
    const here = path();
    await press("[");
    await expect.poll(path).not.toBe(here);
  },
  "]": async () => {
    await open();
    const here = path();
    await press("]");
    await expect.poll(path).not.toBe(here);
  },
  x: async () => {
    await press("x");
    await expect.poll(chosen).toBe(1);
  },
  "* a": async () => {
    await press("*", "a");
    await expect.poll(chosen).toBe(await rows().count());
  },
  "* n": async () => {
    await press("x", "*", "n");
    await expect.poll(chosen).toBe(0);
  },
  "* 1": async () => {
    await press("*", "1");
    await expect.poll(chosen).toBeGreaterThan(0);
  },
  v: does("v", "Đã tiếp nhận 1 nhóm"),
  e: asks("e", /^Đóng 1 nhóm/),
  f: asks("f", /^Đóng 1 nhóm/),
  s: does("s", "Đã báo cấp trên 1 nhóm"),
  "Shift+s": asks("Shift+S", /^Báo cấp trên và đóng/),
  h: asks("h", /^Ẩn các cảnh báo/),
  ".": async () => {
    await press(".");
    await at.page.getByRole("menuitem", { name: /Ẩn loại này/ }).waitFor();
  },
  p: async () => {
    await press("p");
    await expect.poll(() => parameter("tab")).toBe("payload");
  },
  a: does("a", "Đã giao 1 nhóm"),
  c: asks("c", /^Ghi chú/),
  z: does("a", "Đã giao 1 nhóm"),
  "/": async () => {
    await press("/");
    await expect.poll(() => at.page.evaluate(() => document.activeElement?.getAttribute("type"))).toBe("search");
  },
  r: async () => {
    const asked = at.page.waitForRequest(/\/api\/v1\/groups\?/);
    await press("r");
    await asked;
  },
  "Shift+h": async () => {
    await press("j", "j", "Shift+H");
    await expect.poll(place).toBe(2);
  },
  "Shift+g": async () => {
    await press("Shift+G");
    await expect.poll(place).toBeGreaterThan(3);
  },
  "g i": leads("i", "/alerts"),
  "g s": leads("s", "/alerts", "escalated"),
  "g a": leads("a", "/alerts", "closed"),
  "g o": leads("o", "/"),
  "g c": leads("c", "/cases"),
  "g h": leads("h", "/hunt"),
  "g t": leads("t", "/attack"),
  "g k": leads("k", "/graph"),
  "g n": leads("n", "/sensors"),
  "g r": leads("r", "/rules"),
  "g p": leads("p", "/reports"),
  "g w": leads("w", "/wall"),
  "?": asks("?", /^Phím tắt/),
};

test("each key that is named has a trial", async () => {
  await at.open("/alerts");
  await rows().first().waitFor();
  await press("?");
  const named = await at.page.locator(".keys kbd").allInnerTexts();
  expect(named.length).toBeGreaterThan(20);
  expect(named.sort()).toEqual(Object.keys(TRIALS).sort());
});

test.each(Object.keys(TRIALS))("%s", async (key) => {
  await at.open("/alerts");
  await rows().nth(2).waitFor();
  await TRIALS[key]?.();
});

const focused = () => at.page.evaluate(() => document.activeElement?.tagName);
/** Whether what is pressed is written: in a field, or in the editor that took its place, which is in a shadow root. */
const writes = () =>
  at.page.evaluate(() => {
    const active = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
    return active instanceof HTMLInputElement || (active instanceof HTMLElement && active.isContentEditable);
  });
const asked = (path: RegExp, key: string) => async () => {
  const request = at.page.waitForRequest(path);
  await press(key);
  await request;
};
const into = async () => {
  await press("/");
  await expect.poll(writes).toBe(true);
};
const up = (to: string) => async () => {
  await press("u");
  await expect.poll(path).toBe(to);
};
/** A window earlier or later: the range that is shown begins somewhere else. */
const step = (key: string) => async () => {
  const before = parameter("from");
  await press(key);
  await expect.poll(() => parameter("from")).not.toBe(before);
};
const title = () => at.page.locator(".wall h1").innerText();
const turns = (key: string) => async () => {
  const first = await title();
  await press(key);
  await expect.poll(title).not.toBe(first);
};

interface PageKeys {
  /** The file whose keys these are. */
  file: string;
  address: () => string;
  sign: string;
  keys: Record<string, () => Promise<void>>;
}

const bigTable = "/hunt?from=now-7d&q=type%3Aflow%20%7C%20groupby%20src_ip";
/** Keys of other pages, by the file that has them. */
const OTHERS: PageKeys[] = [
  {
    file: "features/hunt/page.tsx",
    address: () => "/hunt?from=now-7d",
    sign: ".results tbody tr",
    keys: {
      "/": into,
      r: asked(/\/api\/v1\/search\?/, "r"),
      "[": step("["),
      "]": step("]"),
      Escape: async () => {
        // A search that does not end is called off.
        await at.page.route("**/api/v1/search?**", () => undefined);
        await press("r");
        await at.page.getByRole("button", { name: "Dừng tìm" }).first().waitFor();
        await press("Escape");
        await expect.poll(() => at.page.getByRole("button", { name: "Dừng tìm" }).count()).toBe(0);
        await at.page.unroute("**/api/v1/search?**");
      },
    },
  },
  {
    file: "features/hunt/components/group-table.tsx",
    address: () => bigTable,
    sign: ".groups-table",
    keys: {
      Escape: async () => {
        await at.page.getByRole("button", { name: "Phóng to" }).first().click();
        await at.page.locator(".groups-table.is-big").waitFor();
        await press("Escape");
        await expect.poll(() => at.page.locator(".groups-table.is-big").count()).toBe(0);
      },
    },
  },
  { file: "features/graph/page.tsx", address: () => "/graph?from=now-7d", sign: ".graph__pairs tbody tr", keys: { "/": into, r: asked(/\/api\/v1\/graph/, "r") } },
  { file: "features/rules/list.tsx", address: () => "/rules", sign: ".rules__scroll [role=row]", keys: { "/": into, r: asked(/\/api\/v1\/rules$/, "r") } },
  { file: "features/rules/page.tsx", address: () => "/rules/9000031", sign: ".page__head h1", keys: { u: up("/rules") } },
  { file: "features/workbench/page.tsx", address: () => `/rule-sets/${there.set}`, sign: ".page__head h1", keys: { u: up("/rule-sets") } },
  { file: "features/feeds/list.tsx", address: () => "/rule-feeds", sign: ".sorted tbody tr", keys: { r: asked(/\/api\/v1\/feeds$/, "r") } },
  { file: "features/feeds/page.tsx", address: () => `/rule-feeds/${there.feed}`, sign: ".page__head h1", keys: { u: up("/rule-feeds"), r: asked(/\/api\/v1\/feeds\/\d+\/runs/, "r") } },
  { file: "features/cases/list.tsx", address: () => "/cases?tab=all", sign: ".sorted tbody tr", keys: { n: asks("n", /^Lập hồ sơ/), r: asked(/\/api\/v1\/cases\?/, "r") } },
  {
    file: "features/cases/page.tsx",
    address: () => `/cases/${there.case}`,
    sign: ".page__head h1",
    keys: {
      u: up("/cases"),
      r: asked(/\/api\/v1\/cases\/\d+$/, "r"),
      c: async () => {
        await press("c");
        await expect.poll(focused).toBe("TEXTAREA");
      },
    },
  },
  {
    file: "features/attack/page.tsx",
    address: () => "/attack?technique=T1046",
    sign: ".attack__detail",
    keys: {
      Escape: async () => {
        await press("Escape");
        await expect.poll(() => parameter("technique")).toBe(null);
      },
    },
  },
  {
    file: "features/wallboard/page.tsx",
    address: () => "/wall",
    sign: ".wall h1",
    keys: {
      ArrowRight: turns("ArrowRight"),
      ArrowLeft: turns("ArrowLeft"),
      Escape: async () => {
        await press("Escape");
        await expect.poll(path).toBe("/");
      },
    },
  },
];
/** Their keys stand in the list of keys, which is tried above. */
const LISTED = ["app/shell.tsx", "features/alerts/inbox.tsx", "features/alerts/detail.tsx"];

/** The keys of a keymap as it is written: names before a colon, not those of objects within. */
function namesOf(source: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [, opening, closing, quoted, plain] of source.slice(source.indexOf("useKeys({") + "useKeys(".length).matchAll(/([{(])|([})])|"([^"]+)": |(\w+): /g)) {
    if (opening) depth += 1;
    // A key that there is at times is spread: it counts.
    else if (closing && --depth === 0) break;
    const name = quoted ?? plain;
    if (name && (depth === 1 || (depth === 3 && name === "Escape"))) names.push(name);
  }
  return names;
}

test("every file with keys is here, and each of its keys", () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => /(?<!\.test)\.tsx$/.test(file) && /\buseKeys\(/.test(readFileSync(SOURCE + file, "utf8")));
  expect([...OTHERS.map(({ file }) => file), ...LISTED].sort()).toEqual(files.sort());
  for (const { file, keys } of OTHERS) {
    for (const name of namesOf(readFileSync(SOURCE + file, "utf8"))) expect(Object.keys(keys), file).toContain(name);
  }
});

test.each(OTHERS.flatMap(({ file, address, sign, keys }) => Object.entries(keys).map(([key, trial]) => ({ file, key, address, sign, trial }))))("$key in $file", async ({ address, sign, trial }) => {
  await at.open(address());
  await at.page.locator(sign).first().waitFor();
  await trial();
});
