import { render, screen } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { i18next } from "@/lib/i18n";
import type { Sensor } from "@/lib/sensor";
import { RuleFaults } from "./rule-faults";

const fault = { file: "rules/web.rules", line: 12, sid: 9100002, keyword: "contnet", reason: "no such keyword; did you mean content" };
const sensor = (name: string, stats: object) => ({ id: name, name, stats }) as unknown as Sensor;

beforeEach(() => i18next.changeLanguage("vi").then(() => undefined));

test("the same fault on several sensors is one row, with its place", () => {
  render(<RuleFaults sensors={[sensor("cổng A", { rule_faults: [fault] }), sensor("cổng B", { rule_faults: [fault, { ...fault, line: 13 }] })]} />);
  const rows = screen.getAllByRole("row").slice(1);
  expect(rows).toHaveLength(2);
  expect(rows[0]?.textContent).toContain("rules/web.rules:12");
  expect(rows[0]?.textContent).toContain("9100002");
  expect(rows[0]?.textContent).toContain("cổng A, cổng B");
});

test("what a sensor does not tell is counted", () => {
  render(<RuleFaults sensors={[sensor("cổng A", { rules_failed: 4, rule_faults: [fault] })]} />);
  expect(screen.getByText(/Còn 3 luật lỗi khác/)).toBeTruthy();
});

test("nothing is shown of sensors that have none, or tell nonsense", () => {
  const { container } = render(<RuleFaults sensors={[sensor("a", {}), sensor("b", { rule_faults: "x" }), sensor("c", { rule_faults: [7, {}] })]} />);
  expect(container.textContent).toBe("");
});
