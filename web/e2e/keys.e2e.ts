/** Each key that the list of keys names does what it says. The list is read from the page: a key without a trial here fails. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

let at: Console;

beforeAll(async () => {
  at = await start();
  await signIn(at);
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

/** Keys of other pages. */
test.each([
  ["the hunt", "/hunt?from=now-7d", ".results tbody tr"],
  ["the graph", "/graph?from=now-7d", ".graph__pairs tbody tr"],
  ["the rules", "/rules", ".rules__scroll [role=row]"],
])("/ leads into the search of %s", async (_, address, sign) => {
  await at.open(address);
  await at.page.locator(sign).first().waitFor();
  await press("/");
  await expect.poll(() => at.page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
});

test("arrows turn the wall", async () => {
  await at.open("/wall");
  const title = at.page.locator(".wall h1");
  const first = await title.innerText();
  await press("ArrowRight");
  await expect.poll(() => title.innerText()).not.toBe(first);
  await press("ArrowLeft");
  await expect.poll(() => title.innerText()).toBe(first);
});

test("u leads from a rule back to the rules", async () => {
  await at.open("/rules/9000031");
  await at.page.locator(".page__head h1").waitFor();
  await press("u");
  await expect.poll(path).toBe("/rules");
});
