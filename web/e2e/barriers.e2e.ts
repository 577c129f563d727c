/** No page and no dialog has a barrier (axe: WCAG 2.2 AA and good practice), in either theme. None is left out: routes and dialogs are read from the source. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";
import { known, pagesOf, type Known, type PageOf } from "./pages";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));
const THEMES = ["light", "dark"] as const;

let at: Console;
let there: Known;
let pages: PageOf[];
const signInPage: string[] = [];

beforeAll(async () => {
  at = await start();
  for (const theme of THEMES) {
    await wear(theme);
    await at.open("/sign-in");
    signInPage.push(...(await at.barriers(true)).map((one) => `${theme}: ${one}`));
  }
  await signIn(at);
  there = await known(at);
  pages = pagesOf(there);
}, 120_000);

afterAll(async () => {
  expect(at.strayed).toEqual([]);
  expect(at.faults).toEqual([]);
  await at?.end();
});

async function wear(theme: (typeof THEMES)[number]): Promise<void> {
  if (at.page.url() === "about:blank") await at.open("/sign-in");
  await at.page.evaluate((shown) => localStorage.setItem("matluoi.theme", shown), theme);
}

test("every route has its pages here", () => {
  const router = readFileSync(`${SOURCE}app/router.tsx`, "utf8");
  const routes = [...router.matchAll(/^ {2}path: "([^"]+)"/gm)].map(([, path]) => path ?? "");
  expect(routes.length).toBeGreaterThan(15);
  expect([...pages.map(({ route }) => route), "/sign-in"].sort()).toEqual(routes.sort());
});

describe.each(THEMES)("in the %s theme", (theme) => {
  test("pages have no barrier", { timeout: 600_000 }, async () => {
    await wear(theme);
    const found: string[] = signInPage.filter((one) => one.startsWith(theme));
    for (const { views } of pages) {
      for (const [name, path] of Object.entries(views)) {
        await at.open(path);
        await at.drawn();
        expect(await at.page.locator("html").getAttribute("data-theme")).toBe(theme);
        found.push(...(await at.barriers(true)).map((one) => `${name}: ${one}`));
      }
    }
    expect(found).toEqual([]);
  });

  test("dialogs have no barrier", { timeout: 600_000 }, async () => {
    await wear(theme);
    const found: string[] = [];
    for (const { name, path, open } of DIALOGS) {
      await at.open(path(there));
      await open().then(
        () => expect.poll(() => at.page.locator("dialog[open]").count(), { message: name }).toBe(1),
        (error: unknown) => expect.fail(`${name}: ${String(error)}`),
      );
      await at.settled();
      found.push(...(await at.barriers(true)).map((one) => `${name}: ${one}`));
      await at.page.keyboard.press("Escape");
      await at.page.locator("dialog[open]").waitFor({ state: "detached" });
    }
    expect(found).toEqual([]);
  });
});

const press = (name: string | RegExp) => async () => at.page.getByRole("button", { name }).first().click();
/** Presses a key once there are rows to press it on. */
const key = (pressed: string) => async () => {
  await at.page.locator(".groups__scroll [role=row]").first().waitFor();
  await at.page.keyboard.press(pressed);
};
const inbox = () => "/alerts";
const settings = (tab: string) => () => `/settings?tab=${tab}`;

interface DialogOf {
  name: string;
  /** The file that it is in. */
  file: string;
  path: (there: Known) => string;
  open: () => Promise<void>;
}

const ALERTS = "features/alerts/components/";
const SETTINGS = "features/settings/components/";
const DIALOGS: DialogOf[] = [
  { name: "close", file: `${ALERTS}dialogs.tsx`, path: inbox, open: key("e") },
  { name: "comment", file: `${ALERTS}dialogs.tsx`, path: inbox, open: key("c") },
  { name: "keys", file: `${ALERTS}dialogs.tsx`, path: inbox, open: key("?") },
  { name: "hide", file: `${ALERTS}hide-dialog.tsx`, path: inbox, open: key("h") },
  { name: "into a case", file: `${ALERTS}case-dialog.tsx`, path: ({ group }) => `/alerts/${group}`, open: press("Đưa vào hồ sơ") },
  { name: "new case", file: "features/cases/components/new-case.tsx", path: () => "/cases", open: press("Lập hồ sơ") },
  { name: "merge", file: "features/cases/page.tsx", path: ({ case: one }) => `/cases/${one}`, open: press("Gộp") },
  {
    name: "keep a search",
    file: "features/hunt/components/saved.tsx",
    path: () => "/hunt?from=now-7d&q=type%3Adns",
    open: async () => {
      await press("Tìm kiếm đã lưu")();
      await press("Lưu tìm kiếm")();
    },
  },
  { name: "enrol", file: "features/sensors/components/enrol-dialog.tsx", path: () => "/sensors", open: press("Ghi danh cảm biến") },
  { name: "link budget", file: "features/sensors/components/link.tsx", path: ({ sensor }) => `/sensors?sensor=${sensor}`, open: press("Đặt ngân sách") },
  { name: "set a setting", file: "features/fleet/components/setting-dialog.tsx", path: () => "/fleet", open: press("Đặt thiết lập") },
  { name: "silence", file: "features/fleet/components/silences.tsx", path: () => "/fleet", open: press("Tạm ngừng báo động") },
  { name: "restart", file: "features/fleet/components/sensor-dialogs.tsx", path: ({ sensor }) => `/fleet?sensor=${sensor}`, open: press("Khởi động lại") },
  { name: "new set of rules", file: "features/workbench/list.tsx", path: () => "/rule-sets", open: press("Tạo bộ luật") },
  { name: "keep a version", file: "features/workbench/components/keep-dialog.tsx", path: ({ set }) => `/rule-sets/${set}`, open: press("Chốt phiên bản") },
  { name: "fetch packets", file: "features/workbench/components/past.tsx", path: ({ set }) => `/rule-sets/${set}?tab=try`, open: press(/^Lấy gói tin của/) },
  { name: "new source of rules", file: "features/feeds/components/create.tsx", path: () => "/rule-feeds", open: press("Thêm nguồn") },
  { name: "remove a source", file: "features/feeds/components/settings.tsx", path: ({ feed }) => `/rule-feeds/${feed}?tab=settings`, open: press("Gỡ nguồn") },
  { name: "second factor", file: `${SETTINGS}access.tsx`, path: settings("access"), open: press("Bật xác thực hai lớp") },
  { name: "token", file: `${SETTINGS}access.tsx`, path: settings("access"), open: press("Tạo token") },
  { name: "person", file: `${SETTINGS}people.tsx`, path: settings("people"), open: press("Thêm người dùng") },
  { name: "unit", file: `${SETTINGS}units.tsx`, path: settings("units"), open: press(/^Thêm đơn vị dưới/) },
  { name: "provider", file: `${SETTINGS}provider-dialog.tsx`, path: settings("people"), open: press("Nhà cung cấp đăng nhập") },
  { name: "archive", file: `${SETTINGS}archive-dialog.tsx`, path: settings("storage"), open: press("Thiết lập kho lưu trữ") },
  { name: "channel", file: `${SETTINGS}channel-dialog.tsx`, path: settings("notifications"), open: press("Thêm kênh") },
  { name: "source", file: `${SETTINGS}sources.tsx`, path: settings("sources"), open: press("Thêm nguồn") },
];
/** What `Sure` asks, which has one shape wherever it is asked; what needs an alarm, and what needs a channel: `operations.e2e.ts` opens them;
 * what needs packets: `evidence.e2e.ts` does; what needs days in an archive: `archive.e2e.ts` does. */
const ELSEWHERE = ["ui/form.tsx", "ui/packets/files.tsx", "features/hunt/components/archived.tsx", `${SETTINGS}telling-dialog.tsx`, `${SETTINGS}notifications.tsx`, "features/sensors/components/alarms.tsx"];

test("every file with a dialog is here", () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".tsx") && !file.endsWith(".test.tsx"));
  const asking = files.filter((file) => /<(Dialog|FormDialog|Sure)\b/.test(readFileSync(SOURCE + file, "utf8")));
  expect([...new Set([...DIALOGS.map(({ file }) => file), ...ELSEWHERE])].sort()).toEqual(asking.sort());
});
