/** A rule source from its address to the sensors: fetched from a server of this test, filtered, compared, published, broken; and a file by hand. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

const NAME = "Nguồn thử";
const rule = (sid: number, method: string) => `alert http any any -> any any (msg:"TT ${method}"; flow:to_server; http.method; content:"${method}"; classtype:misc-activity; sid:${sid}; rev:1;)\n`;

let shown: Console;
let server: Server;
/** What the source answers with; undefined: it is broken. */
let content: string | undefined = `${rule(9200001, "PUT")}${rule(9200002, "TRACE")}# ${rule(9200003, "PATCH")}`;

beforeAll(async () => {
  server = createServer((asked, answer) => {
    const there = content !== undefined && asked.url === "/x.rules";
    answer.writeHead(there ? 200 : 404, { "content-type": "text/plain" });
    answer.end(there ? content : "");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  shown = await start();
  await signIn(shown);
}, 60_000);

afterAll(async () => {
  server.close();
  expect(shown.strayed).toEqual([]);
  expect(shown.faults).toEqual([]);
  await shown.end();
});

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.rules`;
const tab = (name: string) => shown.page.locator(".feeds__tabs a", { hasText: name });
const state = (text: string) => shown.page.locator(".page__head [role=status]", { hasText: text }).waitFor({ timeout: 60_000 });

test("a source is added, and fetched at once", { timeout: 120_000 }, async () => {
  const { page, open, picture, barriers } = shown;
  await open("/rules");
  await page.getByRole("link", { name: "Nguồn luật" }).click();
  await page.getByRole("button", { name: "Thêm nguồn" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Nguồn có sẵn").selectOption("ET Open");
  expect(await dialog.getByLabel("Địa chỉ", { exact: true }).inputValue()).toContain("emerging.rules.tar.gz");
  await dialog.getByLabel("Nguồn có sẵn").selectOption("");
  await dialog.getByLabel("Tên", { exact: true }).fill(NAME);
  await dialog.getByLabel("Địa chỉ", { exact: true }).fill(address());
  await dialog.getByLabel("Lấy lại sau (giờ)").fill("");
  await picture("feeds-create");
  expect(await barriers()).toEqual([]);
  await dialog.getByRole("button", { name: "Thêm nguồn" }).click();
  await page.getByText("Chưa lấy lần nào").waitFor();
  await page.getByRole("button", { name: "Lấy ngay" }).click();
  await state("chờ phát hành");
  await page.getByText("2 chạy, trong 3").waitFor();
  await picture("feeds-run");
  expect(await barriers()).toEqual([]);
});

test("what it changes is shown, and published to the sensors", { timeout: 120_000 }, async () => {
  const { page, picture, barriers } = shown;
  await tab("Thay đổi").click();
  await page.locator("summary", { hasText: "TT TRACE" }).click();
  await page.locator("details[open]").getByText("Sau:").waitFor();
  await page.getByLabel("Lý do").fill("bản đầu");
  await picture("feeds-changes");
  expect(await barriers()).toEqual([]);
  await page.getByRole("button", { name: /^Phát hành cho mọi cảm biến/ }).click();
  await page.getByText("Mọi cảm biến được giao bản 1").waitFor();
  await state("đã phát hành");
  await shown.open("/rule-sets");
  await page.getByRole("link", { name: NAME }).click();
  await page.getByText("Nguồn luật ghi bộ này").waitFor();
  await page.locator(".bench__tabs a", { hasText: "Phát hành" }).click();
  const row = page.locator(".bench__publish tbody tr").first();
  await row.getByText("đúng bản").waitFor({ timeout: 60_000 });
});

test("filters are checked where they are written, and tried at once", { timeout: 120_000 }, async () => {
  const { page, open, picture, barriers } = shown;
  await open("/rule-feeds");
  await page.getByRole("link", { name: NAME }).click();
  await tab("Bộ lọc").click();
  await page.getByLabel("Tắt (disable.conf)").fill("9200001\nheartbleed");
  await page.getByLabel("Bật (enable.conf)").fill("re:PATCH");
  await page.getByRole("button", { name: "Lưu và chạy thử" }).click();
  await page.getByText("Dòng 2:").waitFor();
  await picture("feeds-filters");
  expect(await barriers()).toEqual([]);
  await page.getByLabel("Tắt (disable.conf)").fill("9200001");
  await page.getByRole("button", { name: "Lưu và chạy thử" }).click();
  await state("chờ phát hành");
  await tab("Thay đổi").click();
  const rows = page.locator(".page__body tbody tr");
  await rows.filter({ hasText: "9200001" }).getByText("tắt", { exact: true }).waitFor();
  await rows.filter({ hasText: "9200003" }).getByText("bật", { exact: true }).waitFor();
});

test("a source that breaks is told, and the version before stays", { timeout: 120_000 }, async () => {
  const { page, picture, barriers } = shown;
  content = undefined;
  await tab("Các lần lấy").click();
  await page.locator("h1").click();
  await page.keyboard.press("r");
  await state("lỗi");
  await page.getByText("Nguồn từ chối.").first().waitFor();
  await page.getByText("mọi cảm biến chạy bản 1").waitFor();
  await picture("feeds-failed");
  expect(await barriers()).toEqual([]);
  await shown.open("/sensors");
  await page.getByText("Nguồn luật không cập nhật được").first().waitFor({ timeout: 90_000 });
});

test("a list is given by hand where there is no internet", { timeout: 120_000 }, async () => {
  const { page, open, picture } = shown;
  await open("/rule-feeds");
  await page.getByRole("button", { name: "Thêm nguồn" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Tên", { exact: true }).fill("Tên miền xấu");
  await dialog.getByLabel("Loại").selectOption("list");
  await dialog.getByRole("button", { name: "Thêm nguồn" }).click();
  await page.getByText("Chưa lấy lần nào").waitFor();
  await page.locator("input[type=file]").setInputFiles({ name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("evil.example\nbad.example\n10.0.0.1\n") });
  await state("chờ phát hành");
  await page.getByText("địa chỉ nội bộ hoặc đặc biệt: 1").waitFor();
  await tab("Thay đổi").click();
  await page.getByText(/feed\d+-domain\.lst: \+2 −0/).waitFor();
  await picture("feeds-list");
});

test("in English, and the table is saved", { timeout: 60_000 }, async () => {
  const { page, open } = shown;
  await page.evaluate(() => localStorage.setItem("matluoi.language", "en"));
  await open("/rule-feeds");
  await page.getByRole("heading", { name: "Rule sources" }).waitFor();
  await page.locator("tbody tr", { hasText: NAME }).getByText("failed").waitFor();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /CSV/ }).first().click()]);
  expect(saved.suggestedFilename()).toMatch(/^rule-feeds.*\.csv$/);
  await page.evaluate(() => localStorage.setItem("matluoi.language", "vi"));
});
