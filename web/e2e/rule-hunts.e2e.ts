/** Sigma rules over what is stored: written, planned, hunted with, and what they hit opened. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

const RULE = `title: Mọi yêu cầu GET
level: low
logsource:
  category: webserver
detection:
  selection:
    cs-method: GET
  condition: selection
---
title: Tên miền lạ
logsource:
  category: dns
detection:
  selection:
    query|re: '^không-có-ở-đây$'
  condition: selection
`;

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

test("faults are told with their places", { timeout: 60_000 }, async () => {
  const { page, open, picture, barriers } = shown;
  await open("/rules");
  await page.getByRole("link", { name: "Truy ngược bằng Sigma" }).click();
  await page.getByText("Luật này đã có thể khớp bao nhiêu lần?").waitFor();
  const running = page.locator(".rule-hunts__side .card", { hasText: "Luật Sigma máy thu thập đang chạy" });
  await running.getByText(/^[0-9a-f]{32,}$/).waitFor();
  await running.getByRole("button", { name: "Nạp lại" }).click();
  await page.getByText("Đã đọc lại các tệp luật.").waitFor();
  await picture("rule-hunts-empty");
  await page.getByLabel("Luật Sigma (nhiều tài liệu").fill(RULE.replace("condition: selection", "condition: selecton"));
  await page.getByText("dòng 8, cột").waitFor();
  expect(await page.getByRole("button", { name: "Bắt đầu truy tìm" }).isDisabled()).toBe(true);
  await picture("rule-hunts-fault");
  expect(await barriers()).toEqual([]);
});

test("rules hunt over the last days, and what they hit can be opened", { timeout: 180_000 }, async () => {
  const { page, picture, barriers } = shown;
  await page.getByLabel("Luật Sigma (nhiều tài liệu").fill(RULE);
  await page.getByText("tìm bằng truy vấn").first().waitFor();
  await page.getByText("xét mọi bản ghi cùng loại").first().waitFor();
  await page.getByText("Câu truy vấn không hỏi được: query re").waitFor();
  // The captures of the demonstration are told as if they were of today; their records may still be on their way.
  const card = page.locator(".rule-hunts__main .card", { hasText: "Mọi yêu cầu GET" });
  await expect
    .poll(
      async () => {
        await page.getByRole("button", { name: "Bắt đầu truy tìm" }).click();
        await shown.settled();
        await page.getByRole("heading", { name: "Đã xong" }).waitFor({ timeout: 60_000 });
        return card.locator("tbody tr").count();
      },
      { timeout: 90_000, interval: 2_000 },
    )
    .toBeGreaterThan(0);
  expect(await card.locator(".tag--warn").innerText()).toMatch(/[1-9]\d* lần khớp/);
  const quiet = page.locator(".rule-hunts__main .card", { hasText: "Tên miền lạ" });
  expect(await quiet.innerText()).toContain("0 lần khớp");
  await picture("rule-hunts-done");
  expect(await barriers()).toEqual([]);
  const hunt = page.url();
  await card.locator("tbody a").first().click();
  await page.locator(".results, .hunt").first().waitFor();
  expect(new URL(page.url()).pathname).toBe("/hunt");
  await page.goto(hunt);
  await page.getByRole("heading", { name: "Đã xong" }).waitFor();
  await page.getByRole("button", { name: "Mọi yêu cầu GET, Tên miền lạ" }).first().waitFor();
});

test("in English, and forgotten", { timeout: 60_000 }, async () => {
  const { page, picture } = shown;
  await page.evaluate(() => localStorage.setItem("matluoi.language", "en"));
  await page.reload();
  await page.getByRole("heading", { name: "Done" }).waitFor();
  await picture("rule-hunts-done-en");
  await page.getByRole("button", { name: "Delete Mọi yêu cầu GET" }).first().click();
  await page.getByText("How often would this rule have hit?").waitFor();
  await page.evaluate(() => localStorage.setItem("matluoi.language", "vi"));
});
