import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { address, signIn, start, type Console } from "./console";

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
  const target = new URL((await link.getAttribute("href")) ?? "", at.page.url());
  target.searchParams.set("tab", "packets");
  await at.open(`${target.pathname}${target.search}`);
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

/** Opens the page of a flow that a search finds, the first of those whose packets are there or not, as it is wanted. */
async function openFlow(query: string, state: "available" | "no_alert") {
  const ask = async <T>(path: string) => (await (await at.page.request.get(`${address}/api/v1${path}`)).json()) as T;
  const { items } = await ask<{ items: { flow_id: number; matluoi: { id: string } }[] }>(`/search?limit=200&from=now-90d&q=${encodeURIComponent(query)}`);
  for (const { flow_id, matluoi } of items) {
    const told = await ask<{ state: string; requests: unknown[] }>(`/events/${matluoi.id}/evidence`);
    if (told.state === state && told.requests.length === 0) return at.open(`/about/flows/${flow_id}`);
  }
  throw new Error(`no flow of ${query} is ${state}`);
}

test("files in packets are listed, lead to what is known of them, and are fetched in a locked archive", async () => {
  await openFlow("event_type:fileinfo AND fileinfo.filename:*.exe", "available");
  const packets = at.page.getByRole("region", { name: "Gói tin" });
  await packets.getByText("Cảm biến còn giữ gói tin của luồng này").waitFor();
  await packets.getByLabel("Lý do cần xem gói tin").fill("xem tệp");
  await at.page.keyboard.press("Enter");
  await packets.getByText("Đã có đủ").waitFor();
  await packets.getByText("Tệp trong gói tin", { exact: true }).click();
  const list = packets.getByRole("group", { name: "Tệp trong gói tin" });
  await list.getByText(/\.exe/).first().waitFor();
  expect(await at.barriers()).toEqual([]);
  await packets.scrollIntoViewIfNeeded();
  await at.picture("evidence-files");
  await list.getByRole("button", { name: /^Tải tệp .*\.exe/ }).first().click();
  const dialog = at.page.getByRole("dialog");
  await dialog.getByText("infected", { exact: true }).waitFor();
  const send = dialog.getByRole("button", { name: "Tải tệp nén có mật khẩu" });
  expect(await send.isDisabled()).toBe(true);
  await dialog.getByLabel("Lý do cần tệp này").fill("gửi đi phân tích");
  expect(await at.barriers()).toEqual([]);
  await at.picture("evidence-file-dialog");
  const [saved] = await Promise.all([at.page.waitForEvent("download"), at.page.keyboard.press("Enter")]);
  expect(saved.suggestedFilename()).toMatch(/^[0-9a-f]{64}\.zip$/);
  expect(readFileSync(await saved.path()).subarray(0, 2).toString()).toBe("PK");
  await dialog.waitFor({ state: "detached" });
  await list.getByRole("link").first().click();
  await at.page.getByRole("heading", { name: /^Tệp [0-9a-f]{64}$/ }).waitFor();
});

test("of a flow without an alert it is told that its packets are not kept", async () => {
  await openFlow("event_type:flow AND flow.alerted:false", "no_alert");
  const packets = at.page.getByRole("region", { name: "Gói tin" });
  await packets.getByText(/chỉ giữ gói tin của các luồng có cảnh báo/).waitFor();
  expect(await packets.getByRole("button", { name: "Lấy gói tin" }).count()).toBe(0);
  expect(await at.barriers()).toEqual([]);
  await at.picture("evidence-no-alert");
});
