/** The fleet from the console: a setting is previewed, made and runs on the sensor; what cannot be set is told; a bundle, a silence. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

let shown: Console;

beforeAll(async () => {
  shown = await start();
  await signIn(shown);
}, 60_000);

afterAll(async () => {
  expect(shown.strayed).toEqual([]);
  expect(shown.faults).toEqual([]);
  await shown.end();
});

const dialog = () => shown.page.getByRole("dialog");
const card = (name: string) => shown.page.getByRole("region", { name });

test("a setting is previewed, made, and runs on the sensor", { timeout: 180_000 }, async () => {
  const { page, open, picture, barriers, drawn } = shown;
  await open("/sensors");
  await page.getByRole("link", { name: "Cấu hình từ xa" }).click();
  await page.getByText("Chưa đặt gì").waitFor();
  await picture("fleet-empty");
  await page.getByRole("button", { name: "Đặt thiết lập" }).click();
  await dialog().getByLabel("Giá trị").fill("[10.0.0.0/99]");
  await dialog().getByRole("button", { name: "Xem trước" }).click();
  await dialog().getByText("Giá trị không đúng dạng.").waitFor();
  await dialog().getByLabel("Giá trị").fill("[10.0.0.0/8,192.168.0.0/16,172.16.0.0/12]");
  await dialog().getByRole("button", { name: "Xem trước" }).press("Enter");
  await dialog().getByText(/cảm biến đổi cấu hình\./).waitFor();
  await picture("fleet-preview");
  expect(await barriers(true)).toEqual([]);
  await dialog().getByLabel("Lý do").fill("mạng nội bộ của trung tâm");
  await dialog().getByRole("button", { name: "Áp dụng" }).click();
  await dialog().waitFor({ state: "detached" });
  await card("Thiết lập").getByText("Địa chỉ HOME_NET").waitFor();
  await card("Lịch sử thay đổi").getByText("mạng nội bộ của trung tâm").waitFor();
  await card("Cảm biến của đơn vị").getByText("khớp", { exact: true }).first().waitFor({ timeout: 60_000 });
  await drawn();
  await picture("fleet-unit");
  expect(await barriers(true)).toEqual([]);
  // What the sensor runs stands beside what it should.
  await card("Cảm biến của đơn vị").locator("tbody a").first().click();
  const settings = card("Thiết lập");
  await expect.poll(() => settings.locator("tr", { hasText: "HOME_NET" }).innerText(), { timeout: 60_000 }).not.toContain("khác");
  await settings.locator("tr", { hasText: "HOME_NET" }).getByText("[10.0.0.0/8,192.168.0.0/16,172.16.0.0/12]").nth(1).waitFor({ timeout: 60_000 });
  await drawn();
  await picture("fleet-sensor");
  expect(await barriers(true)).toEqual([]);
});

test("a support bundle comes and is fetched", { timeout: 180_000 }, async () => {
  const { page, picture } = shown;
  await page.getByRole("button", { name: "Gói hỗ trợ" }).click();
  await dialog().getByLabel("Lý do").fill("rơi gói tin");
  await picture("fleet-bundle");
  await dialog().getByRole("button", { name: "Lấy gói hỗ trợ" }).click();
  const link = page.getByRole("link", { name: /^Tải về/ });
  await link.waitFor({ timeout: 60_000 });
  const [saved] = await Promise.all([page.waitForEvent("download"), link.click()]);
  const content = gunzipSync(readFileSync(await saved.path())).toString("latin1");
  for (const part of ["about.txt", "configuration.toml", "running.json", "log.txt", "doctor.txt", "status.json"]) expect(content).toContain(`matluoi-sensor/${part}`);
  expect(content).not.toContain("PRIVATE KEY");
});

test("alarms are silent for a time", { timeout: 60_000 }, async () => {
  const { page, picture, open } = shown;
  await page.getByRole("button", { name: "Tạm ngừng báo động" }).click();
  await dialog().getByLabel("Lý do").fill("thay dây mạng");
  await picture("fleet-silence");
  await dialog().getByRole("button", { name: "Tạm ngừng báo động" }).click();
  await page.getByText(/Đang bảo trì, không báo động đến/).waitFor({ timeout: 30_000 });
  await open("/sensors");
  await page.getByText("bảo trì", { exact: true }).first().waitFor();
  await picture("sensors-silent");
  await open("/fleet");
  await page.getByRole("button", { name: /^Kết thúc/ }).click();
  await page.getByText("đã xong").waitFor();
});
