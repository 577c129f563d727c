import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address, signIn, start, type Console } from "./console";

let at: Console;

beforeAll(async () => {
  at = await start();
});

afterAll(async () => {
  await at?.end();
});

const rows = () => at.page.locator(".groups__scroll [role=row]");
const cursor = () => at.page.locator(".groups__row.is-cursor .groups__title > a");
const tabCount = async (tab: string) => {
  await at.settled();
  return Number((await at.page.locator(`.inbox__tabs a[href*="${tab}"] .tabs__count`).innerText()).replace(/\D/g, ""));
};

describe("signing in", () => {
  test("a wrong password is refused in words", async () => {
    await at.open("/alerts?tab=open");
    await at.page.locator("#username").fill("nobody");
    await at.page.locator("#password").fill("not the password");
    await at.picture("sign-in");
    expect(await at.barriers()).toEqual([]);
    await at.page.keyboard.press("Enter");
    await at.page.getByText("Tên đăng nhập hoặc mật khẩu không đúng.").waitFor();
  });

  test("the right one leads to the overview", async () => {
    await signIn(at);
    await at.page.getByRole("heading", { level: 1, name: "Tổng quan" }).waitFor();
    await at.page.locator("canvas").first().waitFor();
    expect(await at.page.locator(".tile").count()).toBe(4);
    expect(await at.barriers()).toEqual([]);
    await at.picture("overview");
  });
});

describe("the inbox", () => {
  test("is linked to as it stands", async () => {
    await at.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await at.open("/alerts?since=24h");
    await rows().first().waitFor();
    const all = await at.page.getByText(/^\d+ nhóm$/).first().innerText();
    await at.page.getByRole("button", { name: "Liên kết tới trang này" }).press("Enter");
    await at.page.getByRole("menuitem", { name: /cố định/ }).press("Enter");
    const link = new URL(await at.page.evaluate(() => navigator.clipboard.readText()));
    await at.open(link.pathname + link.search);
    await rows().first().waitFor();
    await at.page.getByRole("group", { name: "Bộ lọc đang dùng" }).getByText(/^\d\d\/\d\d\/\d{4} .* – \d\d/).waitFor();
    expect(await at.page.getByText(/^\d+ nhóm$/).first().innerText()).toBe(all);
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("inbox-frozen");
    await at.page.getByRole("button", { name: "Bỏ mọi điều kiện" }).click();
    await expect.poll(() => new URL(at.page.url()).searchParams.get("to")).toBeNull();
  });

  test("is worked with keys", async () => {
    await at.open("/alerts");
    await rows().first().waitFor();
    expect(await rows().count()).toBeGreaterThan(3);
    const first = await cursor().innerText();
    await at.page.keyboard.press("j");
    const second = await cursor().innerText();
    expect(await cursor().evaluate((link) => link.closest("[role=row]")?.getAttribute("aria-rowindex"))).toBe("3");
    await at.page.keyboard.press("k");
    expect(await cursor().innerText()).toBe(first);
    await at.page.keyboard.press("j");
    await at.page.keyboard.press("x");
    expect(await at.page.locator("[role=row][aria-selected=true]").count()).toBe(1);
    await at.page.keyboard.press("*");
    await at.page.keyboard.press("a");
    expect(await at.page.getByText(/^Đã chọn/).innerText()).not.toBe("Đã chọn 1 nhóm");
    await at.page.keyboard.press("*");
    await at.page.keyboard.press("n");
    expect(await at.page.locator("[role=row][aria-selected=true]").count()).toBe(0);
    await at.page.keyboard.press("?");
    await at.page.getByRole("dialog", { name: "Phím tắt" }).waitFor();
    await at.page.keyboard.press("Escape");
    await at.page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await at.barriers()).toEqual([]);
    await at.picture("inbox");
    await at.page.keyboard.press("o");
    await at.page.getByRole("heading", { level: 1, name: second }).waitFor();
    await at.page.keyboard.press("u");
    await rows().first().waitFor();
    expect(await cursor().innerText()).toBe(second);
  });

  test("each key does what it says", async () => {
    await at.open("/alerts");
    await rows().first().waitFor();
    const keys = async (...pressed: string[]) => {
      for (const key of pressed) await at.page.keyboard.press(key);
    };
    await keys("Shift+G");
    const total = await rows().count();
    expect(total).toBeGreaterThan(0);
    expect(Number(await cursor().evaluate((link) => link.closest("[role=row]")?.getAttribute("aria-rowindex")))).toBeGreaterThan(3);
    await keys("Shift+H");
    expect(await cursor().evaluate((link) => link.closest("[role=row]")?.getAttribute("aria-rowindex"))).toBe("2");
    await keys("*", "1");
    await at.page.getByText(/^Đã chọn/).waitFor();
    await keys("*", "n");
    await keys(".");
    await at.page.getByRole("menuitem", { name: /Ẩn loại này/ }).waitFor();
    await keys("Escape");
    for (const [key, name] of [["e", /^Đóng 1 nhóm/], ["Shift+S", /^Báo cấp trên và đóng/], ["f", /^Đóng 1 nhóm/], ["c", /^Ghi chú/], ["h", /^Ẩn các cảnh báo/]] as const) {
      await keys(key);
      await at.page.getByRole("dialog", { name }).waitFor();
      await keys("Escape");
      await at.page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await keys("a");
    await at.page.getByText("Đã giao 1 nhóm").waitFor();
    await at.page.locator(".is-cursor .groups__owner .tag", { hasText: "admin" }).waitFor();
    await keys("z");
    await at.page.getByText("Đã hoàn tác 1 nhóm").first().waitFor();
    await keys("s");
    await at.page.getByText("Đã báo cấp trên 1 nhóm").waitFor();
    await keys("g", "s");
    await expect.poll(() => new URL(at.page.url()).searchParams.get("tab")).toBe("escalated");
    await rows().first().waitFor();
    await keys("z");
    await keys("g", "a");
    await expect.poll(() => new URL(at.page.url()).searchParams.get("tab")).toBe("closed");
    await keys("g", "i");
    await expect.poll(() => new URL(at.page.url()).searchParams.get("tab")).toBe(null);
    // More rows than the closed ones: the open groups are there, and the first one has one behind it.
    await rows().nth(3).waitFor();
    // What was undone has come back: the first row is the first one.
    await at.settled();
    await keys("Shift+H");
    await at.page.locator("[role=row][aria-rowindex='2'].is-cursor").waitFor();
    await keys("p");
    await expect.poll(() => new URL(at.page.url()).searchParams.get("tab")).toBe("payload");
    await at.page.locator(".detail").waitFor();
    await at.settled();
    const here = at.page.url();
    await keys("]");
    await expect.poll(() => at.page.url()).not.toBe(here);
    await keys("[");
    await expect.poll(() => at.page.url()).toBe(here);
    await keys("u");
    await rows().first().waitFor();
  });

  test("everything that matches is done at once, and taken back", async () => {
    await at.open("/alerts");
    await rows().first().waitFor();
    const before = await tabCount("tab=open");
    const total = Number((await at.page.locator(".inbox__tabs a .tabs__count").first().innerText()).replace(/\D/g, ""));
    await at.page.keyboard.press("*");
    await at.page.keyboard.press("a");
    const every = at.page.getByRole("button", { name: /khớp bộ lọc/ });
    if (await every.count()) await every.click();
    await at.picture("bulk");
    await at.page.getByRole("toolbar").getByRole("button", { name: "Tiếp nhận" }).click();
    await expect.poll(() => tabCount("tab=open"), { timeout: 15_000 }).toBe(before + total);
    await at.page.keyboard.press("z");
    await expect.poll(() => tabCount("tab=open"), { timeout: 15_000 }).toBe(before);
  });

  test("groups are put together by what they have in common", async () => {
    await at.open("/alerts?by=source");
    await at.page.locator(".groups .link").first().waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.picture("inbox-rolled");
    await at.page.locator(".groups .link").first().click();
    await expect.poll(() => new URL(at.page.url()).searchParams.get("q")).toMatch(/^src:/);
    await rows().first().waitFor();
  });

  test("hides what is known, says what that would have done, and shows it again", async () => {
    await at.open("/alerts");
    await rows().first().waitFor();
    const before = await tabCount("tab=hidden");
    await at.page.keyboard.press("h");
    const dialog = at.page.getByRole("dialog");
    await dialog.getByText(/30 ngày qua đã ẩn/).waitFor();
    expect(await at.barriers()).toEqual([]);
    await dialog.locator("textarea").fill("máy quét của trung tâm");
    await at.picture("hide");
    await dialog.getByRole("button", { name: "Tạo luật tự ẩn" }).click();
    await at.page.getByText(/Đã tạo luật tự ẩn/).waitFor();
    await expect.poll(() => tabCount("tab=hidden")).toBeGreaterThan(before);
    await at.page.locator('.inbox__tabs a[href*="tab=hidden"]').click();
    await rows().first().waitFor();
    await at.page.getByRole("link", { name: "Luật tự ẩn" }).click();
    await at.page.getByText("máy quét của trung tâm").waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.picture("hide-rules");
    await at.page.getByRole("button", { name: "Kết thúc" }).first().click();
    await at.page.getByText(/Đã kết thúc luật/).waitFor();
    await at.page.getByText("admin đã kết thúc").waitFor();
  });

  test("filters by what is typed, and says so", async () => {
    await at.open("/alerts");
    await at.page.keyboard.press("/");
    await at.page.keyboard.type("web");
    await at.page.keyboard.press("Enter");
    await at.page.locator(".chip", { hasText: "web" }).waitFor();
    expect(new URL(at.page.url()).searchParams.get("q")).toBe("web");
    await at.page.locator(".chip button").last().click();
    await at.page.locator(".chip").waitFor({ state: "detached" });
    await at.open("/alerts?q=khongcogidau");
    await at.page.getByText("Không có nhóm nào khớp bộ lọc").waitFor();
  });

  test("closes with verdict and reason, and takes it back", async () => {
    await at.open("/alerts");
    await rows().first().waitFor();
    const before = await tabCount("tab=closed");
    const title = await cursor().innerText();
    await at.page.keyboard.press("e");
    const dialog = at.page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Đóng nhóm" }).click();
    await dialog.getByText("Hãy chọn kết luận").waitFor();
    await dialog.getByText("Cảnh báo giả").click();
    await dialog.getByRole("button", { name: "Luật khớp quá rộng" }).click();
    await at.picture("close");
    await dialog.getByRole("button", { name: "Đóng nhóm" }).click();
    await at.page.getByText("Đã đóng 1 nhóm").waitFor();
    await expect.poll(() => tabCount("tab=closed")).toBe(before + 1);
    await at.page.locator('.inbox__tabs a[href*="tab=closed"]').click();
    const closed = at.page.locator(".groups__title", { hasText: title }).first();
    await closed.locator(".tag", { hasText: "Cảnh báo giả" }).waitFor();
    await at.page.locator(".groups__title > a").first().click();
    await at.page.getByRole("tab", { name: "Lịch sử" }).click();
    await at.page.getByText("Dòng này nguyên vẹn: khớp với chuỗi băm").first().waitFor({ state: "attached" });
    await at.page.keyboard.press("u");
    await at.page.keyboard.press("z");
    await at.page.getByText("Đã hoàn tác 1 nhóm").waitFor();
    await expect.poll(() => tabCount("tab=closed")).toBe(before);
    await at.page.locator(".inbox__tabs a").first().click();
    await at.page.locator(".groups__title", { hasText: title }).first().waitFor();
  });

  test("exports what the filter holds", async () => {
    await at.open("/alerts?severity=%5B1%5D");
    await rows().first().waitFor();
    const saving = at.page.waitForEvent("download");
    await at.page.getByRole("button", { name: "Xuất CSV" }).click();
    const text = await readFile(await (await saving).path(), "utf8");
    const lines = text.trim().split("\r\n");
    expect(lines[0]).toContain("severity,title,rule,sid");
    expect(lines.slice(1).every((line) => line.startsWith("1,"))).toBe(true);
    expect(lines.length).toBeGreaterThan(2);
  });
});

describe("an alert", () => {
  test("says what happened and what to do, and shows the evidence", async () => {
    await at.open("/alerts?q=sid:9000031");
    await rows().first().waitFor();
    await at.page.keyboard.press("Enter");
    await at.page.getByRole("heading", { name: "Chuyện gì đã xảy ra" }).waitFor();
    await at.page.getByRole("heading", { name: "Cần kiểm tra ngay" }).waitFor();
    await at.page.locator(".timeline__event").first().waitFor();
    expect(await at.page.locator(".checklist input").count()).toBeGreaterThan(1);
    expect(await at.barriers()).toEqual([]);
    await at.picture("alert");
    for (const [tab, sign] of [
      ["Giao thức", "http.url"],
      ["Payload", "000000"],
      ["Luật", "sid:9000031"],
      ["JSON", "\"event_type\": \"alert\""],
    ] as const) {
      await at.page.getByRole("tab", { name: tab }).click();
      await at.page.getByRole("tabpanel").getByText(sign).first().waitFor();
    }
    expect(new URL(at.page.url()).searchParams.get("tab")).toBe("json");
    await at.page.keyboard.press("c");
    await at.page.getByRole("dialog").locator("textarea").fill("đã gọi cho đơn vị");
    await at.page.getByRole("dialog").getByRole("button", { name: "Lưu ghi chú" }).click();
    await at.page.getByRole("tab", { name: "Lịch sử" }).click();
    await at.page.getByText("đã gọi cho đơn vị").first().waitFor();
  });
});

describe("the hunt", () => {
  test("narrows by facets, and widens again", async () => {
    await at.open("/hunt?from=now-7d");
    await at.page.locator(".results tbody tr").first().waitFor();
    await at.page.locator("canvas").waitFor();
    // The most frequent type, whichever it is in these captures.
    const facet = at.page.getByRole("region", { name: "Loại sự kiện" }).locator(".facet__value").first();
    const type = (await facet.innerText()).trim().split(/\s/)[0] ?? "";
    await facet.click();
    await at.page.locator(".chip", { hasText: `event_type:${type}` }).waitFor();
    await at.settled();
    expect(new Set(await at.page.locator(".results tbody tr:not(.results__detail) .tag").allInnerTexts())).toEqual(new Set([type]));
    await at.page.locator(".results__toggle").first().click();
    await at.page.locator(".results__detail").getByText("event_type").first().waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.picture("hunt");
    await at.page.locator(".chip button").first().click();
    await at.page.locator(".chip--not").waitFor();
    expect(new URL(at.page.url()).searchParams.get("q")).toBe(`-event_type:${type}`);
  });

  test("a drag across the histogram chooses a time", async () => {
    await at.open("/hunt?from=now-7d");
    const chart = at.page.locator(".hunt__chart [data-drawn] canvas");
    await chart.waitFor();
    const box = await chart.boundingBox();
    if (!box) throw new Error("the chart has no place");
    const y = box.y + box.height / 2;
    const drag = async () => {
      await at.page.mouse.move(box.x + box.width * 0.7, y);
      await at.page.mouse.down();
      await at.page.mouse.move(box.x + box.width * 0.8, y, { steps: 4 });
      await at.page.mouse.move(box.x + box.width * 0.99, y, { steps: 4 });
      await at.page.mouse.up();
      await at.settled();
      return new URL(at.page.url()).searchParams.get("from");
    };
    // A chart that is given its records again while somebody drags forgets the drag.
    await expect.poll(drag).toMatch(/^\d{4}-/);
  });

  test("points at the fault of a query", async () => {
    await at.open("/hunt");
    const box = at.page.getByRole("textbox", { name: "Câu truy vấn" });
    await box.fill("src_ip:10.0.0.0/8 AND dest_port:abc");
    await box.press("Enter");
    const fault = at.page.locator(".query__fault");
    await fault.waitFor();
    expect(await fault.locator("mark").innerText()).toBe("dest_port:abc");
    expect(await fault.innerText()).toContain("không phải số");
    expect(await at.page.locator(".query__editor .cm-lintRange-error").innerText()).toBe("dest_port:abc");
    expect(await at.barriers()).toEqual([]);
    await at.picture("query-fault");
  });

  test("offers fields and values", async () => {
    await at.open("/hunt?from=now-7d");
    const box = at.page.getByRole("textbox", { name: "Câu truy vấn" });
    await box.pressSequentially("event_ty");
    await at.page.getByRole("option", { name: /event_type/ }).waitFor();
    await box.press("ArrowDown");
    await box.press("Enter");
    expect(await box.innerText()).toBe("event_type:");
    await box.pressSequentially("al");
    await at.page.getByRole("option", { name: /^alert/ }).click();
    await box.press("Enter");
    await expect.poll(() => new URL(at.page.url()).searchParams.get("q")).toBe("event_type:alert");
    await at.page.locator(".results tbody tr").first().waitFor();
  });

  test("gives back what was asked before, and goes on with what was being written", async () => {
    await at.open("/hunt?from=now-7d");
    const box = at.page.getByRole("textbox", { name: "Câu truy vấn" });
    for (const q of ["type:dns", "type:tls"]) {
      // Over what is there, as somebody does who asks anew.
      await box.press("ControlOrMeta+a");
      await at.page.keyboard.type(q);
      await box.press("Enter");
      await at.settled();
    }
    await at.open("/hunt?from=now-7d");
    await at.page.locator(".query__editor").waitFor();
    await box.pressSequentially("typ ");
    await box.press("ArrowUp");
    await expect.poll(() => box.innerText()).toBe("type:tls");
    await box.press("ArrowUp");
    expect(await box.innerText()).toBe("type:dns");
    await box.press("ArrowDown");
    await box.press("ArrowDown");
    expect((await box.innerText()).trimEnd()).toBe("typ");
  });

  test("takes a query before its editor is there", async () => {
    let give = () => {};
    const wanted = new Promise<void>((done) => (give = done));
    await at.page.route("**/assets/query-editor*", async (route) => {
      await wanted;
      await route.continue();
    });
    await at.page.goto(new URL("/hunt?from=now-7d", at.page.url()).href);
    const box = at.page.getByRole("textbox", { name: "Câu truy vấn" });
    // What is written stays, and so does the caret.
    await box.pressSequentially("type:dn");
    await box.press("ArrowLeft");
    give();
    await at.page.locator(".query__editor").waitFor();
    await at.page.keyboard.type("_");
    expect(await box.innerText()).toBe("type:d_n");
    await at.page.unrouteAll({ behavior: "ignoreErrors" });
  });

  test("finds nothing politely", async () => {
    await at.open("/hunt?q=src_ip:192.0.2.77");
    await at.page.getByText("Không tìm thấy bản ghi nào").waitFor();
  });
});

describe("sensors", () => {
  test("show their ledger, and enrol new ones", async () => {
    await at.open("/sensors");
    await at.page.locator(".sensors__table tbody tr").first().waitFor();
    await at.page.getByRole("button", { name: "Sổ đối soát" }).first().click();
    await at.page.locator(".ledger__balance").waitFor();
    expect(new URL(at.page.url()).searchParams.get("sensor")).toBeTruthy();
    expect(await at.barriers()).toEqual([]);
    await at.picture("sensors");
    await at.page.getByRole("button", { name: "Ghi danh cảm biến" }).click();
    await at.page.getByRole("dialog").getByLabel("Tên cảm biến").fill("cổng thử");
    await at.page.keyboard.press("Enter");
    await at.page.getByRole("img", { name: "Mã QR của chuỗi ghi danh" }).waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.page.getByRole("button", { name: "Xong" }).click();
  });
});

describe("the rest", () => {
  test("the language and the theme change at once", async () => {
    await at.open("/account");
    expect(await at.barriers()).toEqual([]);
    await at.page.locator(".account").getByText("English").click();
    await at.page.getByRole("heading", { level: 1, name: "My account" }).waitFor();
    expect(await at.page.locator("html").getAttribute("lang")).toBe("en");
    await at.page.locator(".account").getByText("Dark").click();
    expect(await at.page.locator("html").getAttribute("data-theme")).toBe("dark");
    for (const [path, name] of [["/", "overview"], ["/alerts", "inbox"], ["/hunt?from=now-7d", "hunt"], ["/sensors", "sensors"], ["/account", "account"]] as const) {
      await at.open(path);
      await at.drawn();
      expect(await at.barriers(), path).toEqual([]);
      await at.picture(`${name}-dark-en`);
    }
    await at.page.locator(".account").getByText("Tiếng Việt").click();
    await at.page.locator(".account").getByText("Sáng").click();
  });

  test("a page that is not there says so", async () => {
    await at.open("/khong-co-trang-nay");
    await at.page.getByText("Không có trang này").waitFor();
    expect(await at.barriers()).toEqual([]);
  });

  test("a collector that does not answer is told, and so is an ended session", async () => {
    await at.open("/account");
    await at.page.route("**/api/**", (route) => route.abort());
    await at.page.locator('.side__link[href="/sensors"]').click();
    await at.page.getByText("Không kết nối được với máy thu thập. Hãy kiểm tra mạng.").waitFor();
    await at.page.unroute("**/api/**");
    await at.page.getByRole("button", { name: "Thử lại" }).click();
    await at.page.locator(".sensors__table tbody tr").first().waitFor();
    await at.page.context().clearCookies();
    await at.page.getByRole("button", { name: "Tải lại" }).click();
    await at.page.locator("#username").waitFor();
    expect(new URL(at.page.url()).searchParams.get("next")).toBe("/sensors");
    await signIn(at);
  });

  test("signing out ends the session", async () => {
    await at.open("/hunt?q=type:alert");
    await at.page.locator(".side__foot .side__link").click();
    await at.page.getByRole("menuitem", { name: "Đăng xuất" }).click();
    await at.page.locator("#username").waitFor();
    expect(new URL(at.page.url()).pathname).toBe("/sign-in");
    await at.open("/sensors");
    await at.page.locator("#username").waitFor();
  });

  test("nothing was asked of anybody else, and nothing went wrong", () => {
    expect(at.strayed).toEqual([]);
    expect(at.faults).toEqual([]);
    expect(address).toMatch(/^http/);
  });
});
