/** What keeps the system honest: alarms, the ledger, notifications, retention, sources. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address, signIn, start, type Console } from "./console";

let at: Console;
let hook: Server;
const received: string[] = [];

beforeAll(async () => {
  hook = createServer((request, response) => {
    request.setEncoding("utf8").on("data", (part: string) => received.push(part)).on("end", () => response.end());
  });
  await new Promise<void>((listening) => hook.listen(0, "127.0.0.1", listening));
  at = await start();
  await signIn(at);
});

afterAll(async () => {
  await at?.end();
  hook?.close();
});

const dialog = () => at.page.getByRole("dialog");
const save = async () => {
  await dialog().getByRole("button", { name: "Lưu" }).click();
  await dialog().waitFor({ state: "detached" });
};

describe("sensors", () => {
  test("tell what is wrong, and what became of records", async () => {
    await at.open("/sensors");
    const ledger = at.page.getByRole("region", { name: "Sổ đối soát của mọi cảm biến" });
    await ledger.locator("tbody tr").first().waitFor();
    await ledger.locator(".ledgers__balance").waitFor();
    await at.page.getByRole("region", { name: "Báo động của hệ thống" }).waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("alarms");
    await ledger.getByText("Theo giờ").click();
    await expect.poll(() => new URL(at.page.url()).searchParams.get("by")).toBe("hour");
    await ledger.scrollIntoViewIfNeeded();
    await at.picture("ledgers");
    await at.page.getByRole("region", { name: "Báo động của hệ thống" }).getByText("Tất cả").click();
    await expect.poll(() => new URL(at.page.url()).searchParams.get("alarms")).toBe("all");
  });

  test("have a budget for their link", async () => {
    await at.open("/sensors");
    await at.page.getByRole("button", { name: "Sổ đối soát" }).first().press("Enter");
    const link = at.page.getByRole("region", { name: "Ngân sách đường truyền" });
    await link.getByText("không giới hạn").waitFor({ timeout: 30_000 });
    await link.getByRole("button", { name: "Đặt ngân sách" }).press("Enter");
    await dialog().getByLabel("Đặt tại đây").check();
    await dialog().getByRole("spinbutton", { name: "kbit/s (0: không giới hạn)" }).fill("5");
    await dialog().getByRole("button", { name: "Lưu" }).click();
    await dialog().getByText("Ngoài khoảng cho phép.").waitFor();
    await dialog().getByRole("spinbutton", { name: "kbit/s (0: không giới hạn)" }).fill("2048");
    await dialog().getByRole("button", { name: "Thêm khung giờ" }).press("Enter");
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("link-order");
    await dialog().getByRole("button", { name: "Bỏ khung giờ này" }).click();
    await save();
    // The sensor hears of it with its next heartbeat, and tells with the one after that.
    await expect
      .poll(
        async () => {
          await at.page.getByRole("button", { name: "Tải lại" }).first().click();
          return link.textContent();
        },
        { timeout: 60_000, interval: 2_000 },
      )
      .toContain("2.048 kbit/s trung tâm đặt");
    expect(await at.barriers(true)).toEqual([]);
    await link.scrollIntoViewIfNeeded();
    await at.picture("link");
    await link.getByRole("button", { name: "Đặt ngân sách" }).click();
    await dialog().getByLabel("Theo cấu hình của cảm biến").check();
    await save();
  });

  test("an alarm is taken in hand", async () => {
    // What a sensor that is cut off leads to takes minutes; the answer is given here.
    const alarm = { id: 7, kind: "packet_drops", severity: 2, sensor_id: "s", sensor_name: "cổng xã An Bình", unit_id: 1, opened: "2026-11-24T01:00:00Z", seen: "2026-11-24T02:00:00Z", closed: null, detail: { dropped: 40, packets: 1960 }, acknowledged_by: null as string | null, acknowledged: null, comment: null as string | null };
    await at.page.route(/\/api\/v1\/alarms(\?|$)/, (route) => route.fulfill({ json: { items: [alarm], total: 1, next: null } }));
    await at.page.route("**/api/v1/alarms/7/acknowledge", async (route) => {
      Object.assign(alarm, { acknowledged_by: "admin", comment: (route.request().postDataJSON() as { comment: string }).comment });
      await route.fulfill({ json: alarm });
    });
    await at.open("/sensors");
    await at.page.getByText("rơi 40, nhận 1.960 gói (2%)").waitFor();
    await at.page.getByRole("button", { name: "Nhận xử lý" }).press("Enter");
    await dialog().getByLabel("Ghi chú").fill("đang gọi cho đơn vị");
    expect(await at.barriers(true)).toEqual([]);
    await dialog().getByRole("button", { name: "Nhận xử lý" }).click();
    await at.page.getByText("admin đang lo").waitFor();
    await at.picture("alarm-taken");
    await at.page.unroute(/\/api\/v1\/alarms(\?|$)/);
    await at.page.unroute("**/api/v1/alarms/7/acknowledge");
  });
});

describe("notifications", () => {
  test("a channel is made, and tried", async () => {
    await at.open("/settings?tab=notifications");
    await at.page.getByText("Chưa có kênh nào").waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.page.getByRole("button", { name: "Thêm kênh" }).press("Enter");
    await at.picture("channel-email");
    for (const kind of ["Syslog", "Telegram", "Webhook"]) {
      await dialog().locator(".segmented").getByText(kind).click();
      expect(await at.barriers(true), kind).toEqual([]);
    }
    await dialog().getByLabel("Tên", { exact: true }).fill("trực ban");
    await dialog().getByLabel("Địa chỉ").fill(`http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`);
    await dialog().getByLabel("Khoá ký").fill("bí mật");
    await save();
    await at.page.getByRole("button", { name: "Gửi thử: trực ban" }).click();
    await at.page.locator(".outbox tbody tr", { hasText: "Thông báo thử của admin" }).waitFor();
    await expect.poll(() => received.join(""), { timeout: 60_000 }).toContain('"test"');
    await at.page.locator(".outbox .tag--good", { hasText: "Đã gửi" }).waitFor({ timeout: 30_000 });
    expect(await at.barriers(true)).toEqual([]);
  });

  test("a condition says what, whom and when", async () => {
    await at.page.getByRole("button", { name: "Thêm điều kiện" }).click();
    await dialog().getByLabel("Tên", { exact: true }).fill("ca đêm");
    await dialog().getByLabel("trực ban").check();
    await dialog().getByLabel("Gộp trong (phút)").fill("15");
    await dialog().getByText("Mọi loại báo động").click();
    await dialog().getByLabel("Gói tin bị rơi").check();
    await dialog().getByLabel("Giờ yên lặng").check();
    await dialog().getByLabel("Báo tiếp khi chưa ai nhận").check();
    await dialog().getByRole("group", { name: "Báo tiếp tới kênh" }).getByLabel("trực ban").check();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("telling");
    await save();
    const row = at.page.locator("tbody tr", { hasText: "ca đêm" });
    await row.getByText("gộp mỗi 15 phút").waitFor();
    await row.getByText("yên lặng 22:00–06:00").waitFor();
    await row.getByText("chưa ai nhận sau 30 phút: trực ban").waitFor();
    await at.picture("notifications");
    await at.page.getByRole("button", { name: "Xoá ca đêm" }).click();
    await dialog().getByRole("button", { name: "Xoá", exact: true }).click();
    await row.waitFor({ state: "detached" });
  });

  test("a message that fails says why", async () => {
    await at.page.getByRole("button", { name: "Sửa trực ban" }).click();
    await dialog().getByLabel("Địa chỉ").fill("http://127.0.0.1:1/");
    await save();
    await at.page.getByRole("button", { name: "Gửi thử: trực ban" }).click();
    await at.page.locator(".outbox .field__error").first().waitFor({ timeout: 60_000 });
    await at.picture("notifications-failed");
    await at.page.getByRole("button", { name: "Xoá trực ban" }).click();
    await dialog().getByRole("button", { name: "Xoá", exact: true }).click();
    await at.page.getByText("Chưa có kênh nào").waitFor();
  });
});

describe("the settings", () => {
  test("of alarms are changed", async () => {
    await at.open("/settings?tab=alarms");
    const seconds = at.page.getByLabel("Mất liên lạc sau (giây)");
    await seconds.fill("");
    expect(await at.page.getByRole("button", { name: "Lưu" }).isDisabled()).toBe(true);
    await seconds.fill("240");
    expect(await at.barriers(true)).toEqual([]);
    await at.page.keyboard.press("Enter");
    await at.page.getByText("Đã lưu").waitFor();
    await at.picture("alarm-limits");
    await at.page.reload();
    await expect.poll(() => at.page.getByLabel("Mất liên lạc sau (giây)").inputValue()).toBe("240");
  });

  test("say what is held, and how long the disk will do", async () => {
    await at.open("/settings?tab=storage");
    await at.page.getByText(/^Cảnh báo: đang giữ \d+ ngày; quy định (cần \d+ ngày|không đòi hỏi)$/).waitFor();
    await at.page.getByText("Đang nhận mọi hạng bản ghi").waitFor();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("storage");
  });

  test("give a program a token, with which it sends", async () => {
    await at.open("/settings?tab=sources");
    await at.page.getByRole("button", { name: "Thêm nguồn" }).press("Enter");
    await dialog().getByLabel("Tên nguồn").fill("Suricata cũ");
    await at.page.keyboard.press("Enter");
    const token = await dialog().locator(".sources__token").innerText();
    expect(await at.barriers(true)).toEqual([]);
    await at.picture("source-token");
    const sent = await fetch(`${address}/api/v1/ingest`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: `${JSON.stringify({ timestamp: new Date().toISOString(), event_type: "dns", src_ip: "192.0.2.9", dest_ip: "192.0.2.53", dns: { rrname: "nguon.example" } })}\n`,
    });
    expect(sent.status, await sent.text()).toBe(200);
    await dialog().getByRole("button", { name: "Đã cất token" }).click();
    await at.page.getByRole("button", { name: "Đổi token: Suricata cũ" }).click();
    await dialog().getByRole("button", { name: "Đổi token" }).click();
    await expect.poll(() => dialog().locator(".sources__token").innerText()).not.toBe(token);
    await dialog().getByRole("button", { name: "Đã cất token" }).click();
    await at.picture("sources");
    await at.page.getByRole("button", { name: "Thu hồi: Suricata cũ" }).click();
    await dialog().getByRole("button", { name: "Thu hồi" }).click();
    await dialog().waitFor({ state: "detached" });
  });

  test("are in English too", async () => {
    await at.page.evaluate(() => localStorage.setItem("matluoi.language", "en"));
    for (const [path, word] of [["/settings?tab=notifications", "Queue of messages"], ["/settings?tab=storage", "Retention"], ["/settings?tab=sources", "Add a source"], ["/settings?tab=alarms", "Disk lasts less than (days)"], ["/sensors", "Loss ledger of all sensors"]] as const) {
      await at.open(path);
      await at.page.getByText(word).first().waitFor();
      const wide = await at.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide, path).toBe(0);
    }
    await at.page.evaluate(() => localStorage.setItem("matluoi.language", "vi"));
    expect(at.strayed).toEqual([]);
    expect(at.faults).toEqual([]);
  });
});
