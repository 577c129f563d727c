/** Searching and the pages around it: commands, what is kept, exports, and everything about one thing. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIn, start, type Console } from "./console";

let at: Console;
const parameter = (name: string) => new URL(at.page.url()).searchParams.get(name);

beforeAll(async () => {
  at = await start();
  await signIn(at);
});

afterAll(async () => {
  await at?.end();
});

describe("the hunt", () => {
  test("counts by commands, and shows them as pictures", async () => {
    await at.open("/hunt?from=now-7d");
    const box = at.page.getByRole("textbox", { name: "Câu truy vấn" });
    await box.fill("type:flow | groupby src_ip dest_port sum(flow.bytes_toclient) | head 5");
    await box.press("Enter");
    const rows = at.page.locator(".groups-table tbody tr");
    await rows.first().waitFor();
    expect(await rows.count()).toBe(5);
    await at.picture("hunt-table");
    for (const [view, part] of [["Cột", "-bar"], ["Tròn", "-pie"], ["Dòng chảy", "-sankey"]] as const) {
      await at.page.locator(".groups-table .segmented").getByText(view).click();
      await at.page.locator(".groups-table canvas").waitFor();
      await expect.poll(() => parameter("q")).toContain(part);
    }
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("hunt-sankey");
    await at.page.getByRole("button", { name: "Phóng to" }).click();
    await at.page.locator(".groups-table.is-big").waitFor();
    await at.page.keyboard.press("Escape");
    await at.page.locator(".groups-table.is-big").waitFor({ state: "detached" });
    await at.page.getByRole("button", { name: "Bỏ bảng này" }).click();
    await at.page.locator(".groups-table").waitFor({ state: "detached" });
    expect(parameter("q")).toBe("type:flow");
  });

  test("mends what was mistyped", async () => {
    await at.open("/hunt?from=now-7d");
    const box = at.page.getByRole("textbox", { name: "Câu truy vấn" });
    await box.fill("type:dns | gruopby src_ip");
    await box.press("Enter");
    await at.page.locator(".query__meant button", { hasText: "type:dns | groupby src_ip" }).click();
    await at.page.locator(".groups-table").waitFor();
    await at.open("/hunt?from=now-7d&q=scr_ip%3A192.0.2.200");
    await at.page.locator(".query__meant button", { hasText: "src_ip:192.0.2.200" }).waitFor();
  });

  test("shows the rarest values", async () => {
    await at.open("/hunt?from=now-7d");
    // The collector alerts as a sensor of its own, which has a name as well.
    const names = await at.page.getByRole("region", { name: "Cảm biến" }).locator(".facet__value .cut").allTextContents();
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(name).not.toMatch(/^[0-9a-f]{8}-/);
    await at.page.locator(".facets__mode").getByText("Hiếm").click();
    await expect.poll(() => parameter("rare")).toBe("true");
    await at.page.locator(".facet").first().waitFor();
  });

  test("columns move, and are there the next time", async () => {
    await at.open("/hunt?from=now-7d");
    const heads = () => at.page.locator(".results thead th .sort").allInnerTexts();
    await at.page.locator(".results thead th .sort").first().waitFor();
    const before = await heads();
    await at.page.locator(".results thead th .sort").first().click();
    await at.page.getByRole("menuitem", { name: "Chuyển sang phải" }).click();
    await expect.poll(async () => (await heads())[1]).toBe(before[0]);
    await at.open("/hunt?from=now-7d");
    await expect.poll(async () => (await heads())[1]).toBe(before[0]);
    await at.page.locator(".results thead th .sort").nth(1).click();
    await at.page.getByRole("menuitem", { name: "Chuyển sang trái" }).click();
    await expect.poll(async () => (await heads())[0]).toBe(before[0]);
  });

  test("searches are kept and remembered", async () => {
    await at.open("/hunt?from=now-7d&q=type%3Adns");
    await at.page.locator(".results tbody tr").first().waitFor();
    await at.page.getByRole("button", { name: "Tìm kiếm đã lưu" }).click();
    await at.page.getByRole("button", { name: "Lưu tìm kiếm" }).click();
    await at.page.getByRole("dialog").getByLabel("Tên").fill("DNS tuần này");
    await at.page.keyboard.press("Enter");
    await at.page.getByText("Đã lưu “DNS tuần này”").waitFor();
    await at.open("/hunt");
    await at.page.getByRole("button", { name: "Tìm kiếm đã lưu" }).click();
    await at.page.locator(".saved__open", { hasText: "type:dns" }).last().waitFor();
    expect(await at.barriers()).toEqual([]);
    await at.picture("hunt-saved");
    await at.page.locator(".saved__open", { hasText: "DNS tuần này" }).first().click();
    await expect.poll(() => parameter("q")).toBe("type:dns");
    expect(parameter("from")).toBe("now-7d");
  });

  test("files are made and fetched", async () => {
    await at.open("/hunt?from=now-7d&q=type%3Adns");
    await at.page.locator(".results tbody tr").first().waitFor();
    await at.page.getByRole("button", { name: "Xuất" }).click();
    await at.page.getByRole("button", { name: "CSV", exact: true }).click();
    const link = at.page.getByRole("link", { name: "Tải tệp về" }).first();
    await link.waitFor();
    await at.picture("hunt-export");
    const saving = at.page.waitForEvent("download");
    await link.click();
    const text = await readFile(await (await saving).path(), "utf8");
    expect(text.replace("\uFEFF", "").split("\r\n")[0]).toMatch(/^timestamp,/);
    expect(text.split("\r\n").length).toBeGreaterThan(5);
    await at.page.getByRole("button", { name: "Huỷ và xoá tệp" }).first().click();
    await at.page.getByText("Chưa có tệp nào").waitFor();
  });

  test("a search can be stopped", async () => {
    await at.page.route("**/api/v1/search?*", async () => {
      // Never answered: the page gives up by itself when it is told to.
    });
    await at.page.goto(new URL("/hunt?q=stopme", at.page.url()).href);
    await at.page.getByRole("button", { name: /^Dừng tìm/ }).click();
    await at.page.getByText("Đã dừng tìm").waitFor();
    await at.page.unroute("**/api/v1/search?*");
    await at.page.getByRole("button", { name: "Thử lại" }).click();
    await at.page.getByText("Không tìm thấy bản ghi nào").waitFor();
  });
});

describe("everything about one thing", () => {
  test("a host leads to its peers, its flows and the hunt", async () => {
    await at.open("/hunt?from=now-7d&q=type%3Aflow");
    const value = at.page.locator(".results tbody tr .value", { hasText: /^192\.168\.10\.50$/ }).first();
    await value.hover();
    await value.locator(".value__menu").click();
    await at.page.getByRole("menuitem", { name: "Mở trang máy" }).click();
    await at.page.getByRole("heading", { level: 1, name: /192\.168\.10\.50/ }).waitFor();
    await at.page.locator(".about__peers canvas").waitFor();
    await at.page.getByRole("region", { name: "Dịch vụ sử dụng" }).waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("host");
    await at.page.locator(".about__panel a", { hasText: /^192\.168\.10\.10$/ }).first().click();
    await at.page.getByRole("heading", { level: 1, name: /192\.168\.10\.10/ }).waitFor();
    await at.page.locator(".about__top a").click();
    await expect.poll(() => parameter("q")).toBe("ip:192.168.10.10");
  });

  test("a flow tells its story", async () => {
    await at.open("/hunt?from=now-7d&q=type%3Ahttp");
    await at.page.locator(".results__toggle").first().click();
    await at.page.getByRole("button", { name: "Mở luồng" }).click();
    await at.page.locator(".about__events li").first().waitFor();
    expect(await at.page.locator(".about__events .tag").allInnerTexts()).toContain("http");
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("flow");
  });

  test("a domain shows who asked and what was answered", async () => {
    await at.open("/hunt?from=now-7d&q=dns.answers.rdata%3A*%20%7C%20groupby%20dns.queries.rrname");
    const name = at.page.locator(".groups-table tbody .value__text").first();
    await name.waitFor();
    await at.open(`/about/domains/${encodeURIComponent(await name.innerText())}`);
    await at.page.getByRole("region", { name: "Máy đã hỏi" }).waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("domain");
  });

  test("what is no address is refused in words", async () => {
    await at.open("/about/hosts/khong-phai-ip");
    await at.page.getByText("Không phải địa chỉ IP.").waitFor();
  });
});

describe("pictures of the whole", () => {
  test("the matrix drills down", async () => {
    await at.open("/attack");
    const cell = at.page.locator(".attack__cell:not(.attack__cell--0)").first();
    await cell.click();
    await at.page.locator(".attack__detail li").first().waitFor();
    expect(parameter("technique")).toMatch(/^T\d+/);
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("attack");
    await at.page.keyboard.press("Escape");
    await at.page.locator(".attack__detail").waitFor({ state: "detached" });
  });

  test("the graph of connections is a table as well", async () => {
    await at.open("/graph?from=now-7d&q=event_type%3Aalert");
    await at.page.locator(".graph canvas").waitFor();
    expect(await at.page.locator(".graph__pairs tbody tr").count()).toBeGreaterThan(0);
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("graph");
  });

  test("the wall turns by itself, and Escape leaves it", async () => {
    await at.open("/wall?every=5");
    await at.page.locator(".wall__list li").first().waitFor();
    const title = at.page.locator(".wall h1");
    const first = await title.innerText();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("wall");
    await expect.poll(() => title.innerText(), { timeout: 15_000 }).not.toBe(first);
    await at.page.keyboard.press("Escape");
    await at.page.getByRole("heading", { level: 1, name: "Tổng quan" }).waitFor();
  });

  test("keys lead everywhere", async () => {
    for (const [key, path] of [["h", "/hunt"], ["t", "/attack"], ["k", "/graph"], ["n", "/sensors"], ["o", "/"]] as const) {
      await at.page.keyboard.press("g");
      await at.page.keyboard.press(key);
      await expect.poll(() => new URL(at.page.url()).pathname).toBe(path);
    }
  });
});

test("a sensor shows how it has been, and what was refused", async () => {
  await at.open("/sensors");
  await at.page.getByRole("button", { name: "Sổ đối soát" }).first().click();
  // A sensor that has just begun has no past to draw.
  await at.page.locator(".ledger__graphs canvas").first().or(at.page.getByText("Chưa đủ tín hiệu sống để vẽ đồ thị")).waitFor();
  await at.page.getByText("Không có dòng nào bị từ chối").waitFor();
  expect(await at.barriers(true)).toEqual([]);
  await at.picture("sensor-graphs");
});

describe("settings", () => {
  test("a unit, a person and a token are made and taken away", async () => {
    await at.open("/settings?tab=units");
    await at.page.getByRole("button", { name: /^Thêm đơn vị dưới/ }).first().click();
    await at.page.getByRole("dialog").getByLabel("Tên đơn vị").fill("Xã Thử");
    await at.page.getByRole("dialog").getByLabel("Cấp").fill("xã");
    await at.page.keyboard.press("Enter");
    await at.page.locator("tbody tr", { hasText: "Xã Thử" }).first().waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("settings-units");
    await at.open("/settings?tab=people");
    await at.page.getByRole("button", { name: "Thêm người dùng" }).click();
    const dialog = at.page.getByRole("dialog");
    const name = `thu-${Date.now() % 1_000_000}`;
    await dialog.getByLabel("Tên đăng nhập").fill(name);
    await dialog.getByLabel("Họ tên").fill("Người Thử");
    await dialog.getByLabel("Mật khẩu").fill("mat khau du dai");
    expect(await at.barriers(true)).toEqual([]);
    await at.page.keyboard.press("Enter");
    await at.page.locator("tr", { hasText: name }).waitFor();
    await at.picture("settings-people");
    await at.open("/settings");
    await at.page.getByRole("button", { name: "Tạo token" }).click();
    await dialog.getByLabel("Tên").fill("kịch bản");
    await at.page.keyboard.press("Enter");
    await dialog.getByText(/^ml_/).waitFor();
    await dialog.getByRole("button", { name: "Đã cất token" }).click();
    await at.page.getByRole("button", { name: "Xoá token kịch bản" }).first().click();
    await at.page.getByText("phiên này").waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("settings-access");
  });

  test("the second factor shows a code to scan", async () => {
    await at.open("/settings");
    await at.page.getByRole("button", { name: "Bật xác thực hai lớp" }).click();
    await at.page.getByRole("img", { name: "Mã QR cho ứng dụng xác thực" }).waitFor();
    await at.page.getByRole("dialog").getByLabel("Mã xác thực").fill("000000");
    await at.page.keyboard.press("Enter");
    await at.page.getByText("Không đúng.").waitFor();
    await at.page.keyboard.press("Escape");
  });
});

const PAGES = ["/", "/hunt?from=now-7d", "/about/hosts/192.168.10.10", "/attack", "/graph", "/sensors", "/settings", "/settings?tab=people", "/settings?tab=units", "/account", "/wall"];

test("no page has a barrier, in either theme, language and density", { timeout: 180_000 }, async () => {
  for (const [theme, language, density] of [["dark", "en", "dense"], ["light", "vi", "comfortable"]] as const) {
    await at.page.evaluate(
      ([shown, spoken, packed]) => {
        // What the page began with is only set when nothing is there.
        localStorage.setItem("matluoi.theme", shown);
        localStorage.setItem("matluoi.language", spoken);
        localStorage.setItem("matluoi.density", packed);
      },
      [theme, language, density] as const,
    );
    for (const path of PAGES) {
      await at.open(path);
      await at.drawn();
      expect(await at.barriers(true), `${path} ${theme}`).toEqual([]);
      await at.picture(`page-${path.split(/[/?]/)[1] || "overview"}-${theme}`);
    }
  }
});

test("nothing was asked of anybody else, and nothing went wrong", () => {
  expect(at.strayed).toEqual([]);
  expect(at.faults).toEqual([]);
});
