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

test("packets of an alert are fetched from the sensor, read and downloaded", async () => {
  await at.open("/alerts?q=http");
  const link = at.page.locator(".groups__title > a").first();
  await link.waitFor();
  const address = new URL((await link.getAttribute("href")) ?? "", at.page.url());
  address.searchParams.set("tab", "packets");
  await at.open(`${address.pathname}${address.search}`);
  await at.page.getByText("Cảm biến còn giữ gói tin của luồng này").waitFor();
  await at.page.getByLabel("Lý do cần xem gói tin").fill("thử nghiệm");
  await at.page.keyboard.press("Enter");
  await at.page.getByText("Đã có đủ").waitFor();
  const talk = at.page.getByRole("region", { name: "Hội thoại" });
  await talk.locator(".packets__said").first().waitFor();
  expect(await at.barriers()).toEqual([]);
  await talk.scrollIntoViewIfNeeded();
  await at.picture("evidence-conversation");
  await at.page.getByText("Danh sách gói", { exact: true }).click();
  const list = at.page.getByRole("group", { name: "Danh sách gói" });
  await list.getByRole("button", { name: "Xem gói số 0" }).click();
  await at.page.getByRole("heading", { name: "Gói số 0" }).waitFor();
  await list.getByRole("button", { name: /^Độ dài/ }).click();
  // Of numbers the greatest stand first.
  expect(await list.locator("th[aria-sort=descending]").innerText()).toContain("Độ dài");
  expect(await at.barriers()).toEqual([]);
  await list.scrollIntoViewIfNeeded();
  await at.picture("evidence-list");
  const saving = at.page.waitForEvent("download");
  await at.page.getByRole("link", { name: /pcapng/ }).click();
  expect((await saving).suggestedFilename()).toMatch(/^matluoi-\d+\.pcapng$/);
});
