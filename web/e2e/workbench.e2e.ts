/** Rules from the first letter to the sensor: written, checked, tried, kept, published, taken back. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

const CAPTURE = fileURLToPath(new URL("../../tests/pcap/web/browse/input.pcap", import.meta.url));
const NAME = "Luật của trung tâm";
const rule = (method: string, sid: number) => `alert http any any -> any any (msg:"TT Trình duyệt ${method}"; flow:to_server; http.method; content:"${method}"; classtype:misc-activity; sid:${sid}; rev:1;)`;

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

const tab = (name: string) => shown.page.locator(".bench__tabs a", { hasText: name });

async function write(text: string): Promise<void> {
  const content = shown.page.locator(".cm-content");
  await content.click();
  await shown.page.keyboard.press("ControlOrMeta+a");
  await shown.page.keyboard.press("Delete");
  // As from the clipboard: nothing is completed or closed on the way.
  await shown.page.keyboard.insertText(text);
}

test("a set is made, and its faults are told where they stand", { timeout: 90_000 }, async () => {
  const { page, open, picture, barriers } = shown;
  await open("/rule-sets");
  await picture("rule-sets-empty");
  await page.getByRole("button", { name: "Tạo bộ luật" }).click();
  await page.getByLabel("Tên").fill(NAME);
  await page.keyboard.press("Enter");
  await page.locator(".cm-content").waitFor();
  await write(`${rule("GET", 9100001)}\n${rule("GEX", 9100002).replace("http.method", "http.methd")}`);
  await page.getByText('"http.method"').first().waitFor();
  await page.locator(".cm-lintRange-error").first().waitFor();
  await picture("rule-bench-fault");
  expect(await barriers()).toEqual([]);
  await write(`${rule("GET", 9100001)}\n${rule("GEX", 9100002)}`);
  await page.getByText("2 luật nạp được").waitFor();
  await page.getByText('có "GEX"').waitFor();
  await picture("rule-bench-write");
});

test("words are offered by the engine, by keys alone", { timeout: 60_000 }, async () => {
  const { page } = shown;
  const before = (await page.locator(".cm-content").innerText()).trim();
  await page.locator(".cm-content").focus();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.press("Enter");
  await page.keyboard.type("alert http any any -> any any (http.us");
  await page.locator(".cm-tooltip-autocomplete").getByText("http.user_agent").first().waitFor();
  await shown.picture("rule-bench-complete");
  await page.keyboard.press("Enter");
  expect(await page.locator(".cm-content").innerText()).toContain("http.user_agent");
  await write(before);
  await page.getByText("2 luật nạp được").waitFor();
});

test("rules are tried on a capture, and a near miss is told", { timeout: 90_000 }, async () => {
  const { page, picture, barriers } = shown;
  await tab("Thử trên bản ghi").click();
  await page.locator("input[type=file]").setInputFiles(CAPTURE);
  await page.getByRole("button", { name: "Chạy thử" }).click();
  await page.getByText("Luật 9100002 gần khớp tới đâu").waitFor();
  await page.getByText("2 trong 3 byte đầu của mẫu").first().waitFor();
  expect(await page.locator(".bench__results .tag--good").first().innerText()).toMatch(/cảnh báo/);
  await picture("rule-bench-try");
  expect(await barriers()).toEqual([]);
});

test("packets of alerts are fetched, and the draft runs on them", { timeout: 120_000 }, async () => {
  const { page, picture, barriers } = shown;
  await page.getByRole("button", { name: /^Lấy gói tin của \d+ cảnh báo/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Lý do cần xem gói tin").fill("thử bản nháp");
  expect(await barriers()).toEqual([]);
  await page.keyboard.press("Enter");
  await page.getByText(/^Đã yêu cầu gói tin của \d+ cảnh báo/).first().waitFor();
  const run = page.getByRole("button", { name: /^Chạy trên [1-9]\d* chứng cứ/ });
  await run.waitFor({ timeout: 60_000 });
  await run.click();
  await page.locator(".bench__results tbody tr").first().waitFor({ timeout: 60_000 });
  await picture("rule-bench-past");
});

test("a version is kept, published to a sensor, seen to run there, and taken back", { timeout: 120_000 }, async () => {
  const { page, picture, barriers } = shown;
  await page.getByRole("button", { name: "Chốt phiên bản" }).click();
  await page.getByLabel("Lý do").fill("bản đầu tiên");
  await page.locator("dialog").getByRole("button", { name: "Chốt phiên bản" }).click();
  await page.getByText("Đã chốt bản 1.").waitFor();
  await tab("Lịch sử").click();
  await page.getByText("bản đầu tiên").waitFor();
  await picture("rule-bench-versions");
  await tab("Phát hành").click();
  await page.getByLabel("Lý do").fill("chạy thử ở một nơi");
  await page.getByRole("button", { name: "Phát hành cho cảm biến này" }).click();
  await page.getByText("chạy thử ở một nơi").waitFor();
  // The demonstration's sensor takes it with a heartbeat, and tells what it runs with another.
  const row = page.locator(".bench__publish tbody tr").first();
  await row.getByText("bản riêng").waitFor();
  await row.getByText("đúng bản").waitFor({ timeout: 60_000 });
  await picture("rule-bench-publish");
  expect(await barriers()).toEqual([]);
  await page.getByLabel("Lý do").fill("xong");
  await page.getByRole("button", { name: "Rút lại" }).click();
  await row.getByText("bản riêng").waitFor({ state: "detached" });
  await row.getByText("đúng bản").waitFor({ timeout: 60_000 });
});

test("a draft is held against a version, and in English", { timeout: 60_000 }, async () => {
  const { page, picture } = shown;
  await tab("Soạn luật").click();
  await write(`${rule("GET", 9100001)}\n${rule("POST", 9100003)}`);
  await tab("So sánh").click();
  await page.locator(".cm-deletedChunk").first().waitFor();
  await picture("rule-bench-diff");
  await page.getByRole("button", { name: "Lưu nháp" }).click();
  await page.getByText("Đã lưu bản nháp.").waitFor();
  await page.evaluate(() => localStorage.setItem("matluoi.language", "en"));
  await page.reload();
  await page.getByRole("link", { name: "Publish", exact: true }).click();
  await page.getByText("take it with", { exact: false }).or(page.getByText("What was published")).first().waitFor();
  await picture("rule-bench-publish-en");
  await page.evaluate(() => localStorage.setItem("matluoi.language", "vi"));
});

test("a rule leads to where it is edited and tried; one of nowhere is copied", { timeout: 90_000 }, async () => {
  const { page, open, picture, barriers } = shown;
  await open("/rules/9000031");
  await page.getByText("Chưa bộ luật nào của trung tâm có luật này.").waitFor();
  await page.getByRole("button", { name: "Chép vào bộ luật" }).click();
  await page.getByRole("menuitem", { name: NAME }).click();
  await expect.poll(() => page.locator(".cm-content").innerText()).toContain("sid:9000031;");
  await page.getByText("3 luật nạp được").waitFor();
  await page.getByRole("button", { name: "Lưu nháp" }).click();
  await page.getByText("Đã lưu bản nháp.").waitFor();
  await open("/rules/9000031");
  const holder = page.locator(".rules__holders li", { hasText: NAME });
  await holder.waitFor();
  expect(await barriers(true)).toEqual([]);
  await picture("rule-held");
  await holder.getByRole("link", { name: "Sửa" }).click();
  // The caret stands at the rule: the sentence that explains it is of this one.
  await page.locator(".bench__side").getByText("Trong http.uri").first().waitFor();
  await page.goBack();
  await holder.getByRole("link", { name: "Thử" }).click();
  await page.getByRole("button", { name: "Chạy thử" }).click();
  await page.getByText("Luật 9000031 gần khớp tới đâu").waitFor();
});
