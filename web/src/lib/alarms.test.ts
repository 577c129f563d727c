import { expect, test } from "vitest";
import { i18next } from "@/lib/i18n";
import { alarmDetail, type Alarm } from "./alarms";

const alarm = (kind: string, detail: object): Alarm => ({
  id: 1, kind, severity: 3, sensor_id: null, sensor_name: null, unit_id: 1, opened: "2026-11-24T10:00:00Z", seen: "2026-11-24T10:00:00Z", closed: null,
  detail: detail as Record<string, never>, acknowledged_by: null, acknowledged: null, comment: null,
});

test("refused senders of logs are named, with what to do", () => {
  const told = alarmDetail(alarm("syslog_refused", { messages: 1234, addresses: 2, senders: ["10.0.0.1", "10.0.0.2"] }), i18next.getFixedT("vi"), "vi");
  expect(told).toBe("1.234 tin từ 2 địa chỉ (10.0.0.1, 10.0.0.2): thêm vào syslog.senders, hoặc tắt ở thiết bị");
});

test("an alarm of a kind that is newer than the console has no sentence", () => {
  expect(alarmDetail(alarm("tomorrow", { messages: 1 }), i18next.getFixedT("vi"), "vi")).toBe("");
});
