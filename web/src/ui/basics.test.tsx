import { render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import userEvent from "@testing-library/user-event";
import { ApiError } from "@/lib/api";
import { i18next } from "@/lib/i18n";
import { Chip, Failure, Severity, Spark } from "./basics";

test("severity is a word, not a colour alone", () => {
  render(<Severity level={1} />);
  expect(screen.getByText("Cao")).toBeTruthy();
});

test("failures are told in words, in the language that is set", async () => {
  const again = vi.fn();
  const fault = { type: "about:blank", title: "Bad Request", status: 400, code: "bad_number", detail: "abc is no number", detail_vi: "abc không phải số" };
  const { rerender } = render(<Failure error={new ApiError(0)} retry={again} />);
  expect(screen.getByText(/Không kết nối được/)).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Thử lại" }));
  expect(again).toHaveBeenCalledOnce();
  rerender(<Failure error={new ApiError(400, fault)} />);
  expect(screen.getByText("abc không phải số")).toBeTruthy();
  rerender(<Failure error={new ApiError(418, { ...fault, code: "teapot", detail: "short and stout", detail_vi: null })} />);
  expect(screen.getByText("short and stout")).toBeTruthy();
  await i18next.changeLanguage("en");
  rerender(<Failure error={new ApiError(400, fault)} />);
  expect(screen.getByText("abc is no number")).toBeTruthy();
  await i18next.changeLanguage("vi");
});

test("a chip turns and goes by keys", async () => {
  const turn = vi.fn();
  const remove = vi.fn();
  render(<Chip text="a:1" onTurn={turn} onRemove={remove} />);
  await userEvent.tab();
  await userEvent.keyboard("{Enter}");
  await userEvent.tab();
  await userEvent.keyboard("{Enter}");
  expect([turn.mock.calls.length, remove.mock.calls.length]).toEqual([1, 1]);
});

test("a small chart has a name and a bar an hour", () => {
  const { container } = render(<Spark counts={[0, 3, 1]} label="4 cảnh báo" />);
  expect(screen.getByRole("img", { name: "4 cảnh báo" })).toBeTruthy();
  expect(container.querySelectorAll("rect")).toHaveLength(3);
});
