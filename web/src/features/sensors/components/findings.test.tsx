import { render, screen } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { i18next } from "@/lib/i18n";
import type { Sensor } from "@/lib/sensor";
import { Findings } from "./findings";

const drops = { code: "drops_ring", severity: "bad", since_ms: 1_795_704_094_636, figures: { dropped: 25_000, percent: 20, minutes: 5, interface: "eth1" } };
const certificate = { code: "certificate_ends", severity: "warning", since_ms: 1_795_704_094_636, figures: { days: 9 } };
const sensor = (findings: unknown) => ({ id: "s", name: "cổng xã An Bình", stats: { findings } }) as unknown as Sensor;

beforeEach(() => i18next.changeLanguage("vi").then(() => undefined));

test("findings are told in the reader's language, the worst first", async () => {
  render(<Findings sensors={[sensor([certificate, drops])]} />);
  const rows = screen.getAllByRole("row").slice(1);
  expect(rows[0]?.textContent).toContain("Mất 25.000 gói tin (20 %) trên eth1");
  expect(rows[0]?.textContent).toContain("Tăng [input] workers");
  expect(rows[1]?.textContent).toContain("sẽ hết hạn sau 9 ngày");
  await i18next.changeLanguage("en");
  expect((await screen.findByText(/25,000 packets \(20 %\) were lost on eth1/)).textContent).toBeTruthy();
});

test("what no version knows is told by its code, and what is no finding is left out", () => {
  render(<Findings sensors={[sensor([{ code: "of_tomorrow", severity: "bad", figures: {} }, 7, { severity: "bad" }]), sensor("nonsense")]} />);
  expect(screen.getAllByRole("row")).toHaveLength(2);
  expect(screen.getByText("of_tomorrow")).toBeTruthy();
});

test("sensors that are well are told to be so", () => {
  render(<Findings sensors={[sensor([])]} />);
  expect(screen.getByText("Không cảm biến nào thấy mình có gì sai")).toBeTruthy();
});
