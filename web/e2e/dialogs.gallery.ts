/** The dialogs and pop-overs of fleet, evidence and hunts on sensors, in both themes and two widths. Somebody looks at them. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";
import { known, type Known } from "./pages";

const OUTPUT = fileURLToPath(new URL("./output/gallery/", import.meta.url));
const WIDTHS = [[1366, 768], [1920, 1080]] as const;
let at: Console;
let these: Known;

beforeAll(async () => {
  mkdirSync(OUTPUT, { recursive: true });
  at = await start();
  await signIn(at);
  these = await known(at);
});

afterAll(async () => {
  await at?.end();
});

const press = (name: string | RegExp) => at.page.getByRole("button", { name }).first().click();
const dialog = () => at.page.getByRole("dialog");

/** Name of the picture, the page, and what is to be done there. */
const DIALOGS: readonly [name: string, path: () => string, steps: () => Promise<void>][] = [
  ["fleet-set", () => "/fleet", () => press("Đặt thiết lập")],
  [
    "fleet-wrong",
    () => "/fleet",
    async () => {
      await press("Đặt thiết lập");
      await dialog().getByLabel("Giá trị").fill("[10.0.0.0/99]");
      await dialog().getByRole("button", { name: "Xem trước" }).click();
      await dialog().getByText("Giá trị không đúng dạng.").waitFor();
    },
  ],
  [
    "fleet-previewed",
    () => `/fleet?sensor=${these.sensor}`,
    async () => {
      await press("Đặt thiết lập");
      await dialog().getByLabel("Giá trị").fill("[10.0.0.0/8]");
      await dialog().getByRole("button", { name: "Xem trước" }).click();
      await dialog().getByText(/cảm biến đổi cấu hình\./).waitFor();
    },
  ],
  ["fleet-restart", () => `/fleet?sensor=${these.sensor}`, () => press("Khởi động lại")],
  ["fleet-bundle", () => `/fleet?sensor=${these.sensor}`, () => press("Gói hỗ trợ")],
  ["fleet-rename", () => `/fleet?sensor=${these.sensor}`, () => press("Đổi tên, chuyển đơn vị")],
  ["fleet-revoke", () => `/fleet?sensor=${these.sensor}`, () => press("Thu hồi")],
  ["fleet-silence", () => "/fleet", () => press("Tạm ngừng báo động")],
  [
    "remote-archives",
    () => "/hunt?q=type:mdns",
    async () => {
      await press("Trên cảm biến");
      await at.page.getByText(/Không gửi về:/).waitFor();
    },
  ],
  [
    "remote-sensors",
    () => "/hunt?q=type:mdns",
    async () => {
      await press("Trên cảm biến");
      await press("Tìm trên cảm biến");
      await at.page.getByText(/cảm biến đã trả lời/).waitFor();
      await press("Từng cảm biến");
    },
  ],
  ["evidence-ask", () => `/alerts/${these.group}?tab=packets`, () => at.page.getByText(/Kho chứng cứ của/).scrollIntoViewIfNeeded()],
];

for (const theme of ["light", "dark"] as const) {
  for (const [width, height] of WIDTHS) {
    test(`dialogs at ${width}, ${theme}`, { timeout: 300_000 }, async () => {
      await at.page.setViewportSize({ width, height });
      await at.page.evaluate((shown) => localStorage.setItem("matluoi.theme", shown), theme);
      for (const [name, path, steps] of DIALOGS) {
        await at.open(path());
        await steps();
        await at.settled();
        await at.page.screenshot({ path: `${OUTPUT}dialog-${name}-${width}-${theme}.png` });
        const wide = await at.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(wide, `${name} is wider than the screen`).toBe(0);
      }
    });
  }
}
