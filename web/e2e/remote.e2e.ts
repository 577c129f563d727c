import { readFileSync } from "node:fs";
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

test("records that stayed on the sensor are hunted, merged and left out again", async () => {
  await at.open("/hunt?q=type:mdns");
  await at.page.getByText("Không tìm thấy bản ghi nào").waitFor();
  await at.page.getByRole("button", { name: "Trên cảm biến" }).click();
  await at.page.getByText("Không gửi về: llmnr, mdns, ntp.").waitFor();
  expect(await at.barriers()).toEqual([]);
  await at.picture("remote-archives");
  await at.page.getByRole("button", { name: "Tìm trên cảm biến" }).click();
  await at.page.getByText(/^1 trên 1 cảm biến đã trả lời/).waitFor();
  const rows = at.page.locator(".results .results__summary");
  await rows.first().waitFor();
  for (const text of await rows.allInnerTexts()) expect(text).toContain("từ cảm biến");
  await at.page.getByRole("button", { name: "Mọi trường" }).first().click();
  expect(await at.barriers()).toEqual([]);
  await at.picture("remote-records");
  await at.page.getByRole("button", { name: "Từng cảm biến" }).click();
  await at.page.getByText(/đã tìm hết/).waitFor();
  expect(await at.barriers()).toEqual([]);
  await at.picture("remote-sensors");
  await at.page.keyboard.press("Escape");
  // A file has the sensors' records too, though the collector has none.
  await at.page.getByRole("button", { name: "Xuất", exact: true }).click();
  await at.page.getByText(/gồm cả bản ghi tìm được trên cảm biến/).waitFor();
  await at.page.getByRole("button", { name: "CSV", exact: true }).click();
  const file = at.page.getByRole("link", { name: "Tải tệp về" }).first();
  await file.waitFor();
  expect(await at.barriers()).toEqual([]);
  await at.picture("remote-export");
  const [saved] = await Promise.all([at.page.waitForEvent("download"), file.click()]);
  const lines = readFileSync(await saved.path(), "utf8").trim().split("\r\n");
  expect(lines[0]).toContain("matluoi.kept_at");
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines.slice(1)) expect(line).toMatch(/,sensor$/);
  await at.page.getByRole("button", { name: "Huỷ và xoá tệp" }).first().click();
  await at.page.getByText("Chưa có tệp nào").waitFor();
  await at.page.keyboard.press("Escape");
  // A question that sensors cannot answer is told, and the place named.
  await at.open("/hunt?q=type:mdns%20%7C%20groupby%20src_ip");
  await at.page.getByRole("button", { name: "Trên cảm biến" }).click();
  await at.page.getByRole("button", { name: "Tìm trên cảm biến" }).click();
  await at.page.getByText(/không chạy được lệnh groupby/).waitFor();
  await at.open("/hunt?q=type:mdns");
  await at.page.getByText("Không tìm thấy bản ghi nào").waitFor();
});
