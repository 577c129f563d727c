import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { CloseDialog } from "./dialogs";

test("a group is not closed without verdict and reason", async () => {
  const done = vi.fn();
  render(<CloseDialog count={2} onClose={() => undefined} onDone={done} />);
  expect(screen.getByRole("dialog", { name: "Đóng 2 nhóm cảnh báo" })).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Đóng nhóm" }));
  expect(screen.getByText("Hãy chọn kết luận")).toBeTruthy();
  expect(screen.getByText("Hãy ghi lý do, để người sau hiểu")).toBeTruthy();
  expect(done).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("radio", { name: /Cảnh báo giả/ }));
  await userEvent.click(screen.getByRole("button", { name: "Luật khớp quá rộng" }));
  await userEvent.click(screen.getByRole("button", { name: "Đóng nhóm" }));
  expect(done).toHaveBeenCalledWith("false_positive", "Luật khớp quá rộng", undefined);
});

test("a verdict that was asked for is chosen already", async () => {
  const done = vi.fn();
  render(<CloseDialog count={1} verdict="benign" onClose={() => undefined} onDone={done} />);
  await userEvent.type(screen.getByRole("textbox"), "máy quét của trung tâm");
  await userEvent.click(screen.getByRole("button", { name: "Đóng nhóm" }));
  expect(done).toHaveBeenCalledWith("benign", "máy quét của trung tâm", undefined);
});
