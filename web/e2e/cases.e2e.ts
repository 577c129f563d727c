import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

let at: Console;

beforeAll(async () => {
  at = await start();
  await signIn(at);
});

afterAll(async () => {
  await at?.end();
});

describe("cases", () => {
  test("an alert becomes a case, which is worked on", async () => {
    await at.open("/alerts");
    await at.page.locator(".groups__scroll [role=row]").first().waitFor();
    await at.page.keyboard.press("o");
    await at.page.getByRole("button", { name: "Đưa vào hồ sơ" }).click();
    await at.page.getByRole("dialog").getByLabel("Tên hồ sơ mới").fill("Webshell trên máy chủ web");
    await at.page.keyboard.press("Enter");
    await at.page.getByRole("heading", { level: 1, name: "Webshell trên máy chủ web" }).waitFor();
    await at.page.getByLabel("Sự cố nghiêm trọng").click();
    await at.page.getByText("Báo ban đầu (24 giờ)").waitFor();
    await at.page.keyboard.press("c");
    await at.page.keyboard.type("Đã gọi cho đơn vị, máy chủ đã ngắt mạng.");
    await at.page.getByRole("button", { name: "Ghi vào diễn biến" }).click();
    await at.page.locator(".cases__event--note", { hasText: "Đã gọi cho đơn vị" }).waitFor();
    await at.page.getByLabel("Việc mới").fill("Sao chép đĩa máy chủ");
    await at.page.keyboard.press("Enter");
    await at.page.getByRole("checkbox", { name: /Sao chép đĩa/ }).click();
    await at.page.locator(".cases__event--task_done").waitFor();
    await at.page.locator("input[type=file]").setInputFiles({ name: "nhật ký.txt", mimeType: "text/plain", buffer: Buffer.from("GET /shell.php") });
    await at.page.getByRole("link", { name: "nhật ký.txt" }).waitFor();
    await at.page.getByRole("button", { name: "Sửa" }).click();
    await at.page.getByRole("textbox", { name: "Nguyên nhân" }).fill("Mã tải lên không được kiểm tra.");
    await at.page.getByRole("button", { name: "Lưu", exact: true }).click();
    await at.page.locator("dd", { hasText: "Mã tải lên không được kiểm tra." }).waitFor();
    await at.page.getByRole("button", { name: "Đã gửi" }).first().click();
    await at.page.getByText(/^đã gửi/).waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.picture("case");
    await at.page.getByRole("button", { name: "Xuất" }).click();
    const saving = at.page.waitForEvent("download");
    await at.page.getByRole("menuitem", { name: "Toàn bộ hồ sơ kèm bản ghi (ZIP)" }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toMatch(/^case-\d+\.zip$/);
    const archive = readFileSync(await saved.path());
    for (const member of ["fact-sheet.pdf", "fact-sheet.docx", "records.ndjson", "notes.txt", "evidence.sha256"]) expect(archive.includes(member), member).toBe(true);
    await at.page.keyboard.press("u");
    await at.page.getByRole("link", { name: "Webshell trên máy chủ web" }).waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.picture("cases");
  });

  test("two cases are merged", async () => {
    await at.open("/cases");
    await at.page.keyboard.press("n");
    await at.page.getByRole("dialog").getByLabel("Tên sự việc").fill("Cùng sự việc");
    await at.page.keyboard.press("Enter");
    await at.page.getByRole("heading", { level: 1, name: "Cùng sự việc" }).waitFor();
    await at.page.getByRole("button", { name: "Gộp" }).click();
    await at.page.getByRole("dialog").getByRole("combobox").selectOption({ index: 1 });
    await at.page.getByRole("dialog").getByRole("button", { name: "Gộp" }).click();
    await at.page.getByRole("heading", { level: 1, name: "Webshell trên máy chủ web" }).waitFor();
    await at.page.locator(".cases__event--merged").waitFor();
  });

  test("nothing was asked of anybody else, and nothing went wrong", () => {
    expect(at.strayed).toEqual([]);
    expect(at.faults).toEqual([]);
  });
});
