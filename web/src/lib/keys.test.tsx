import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { expect, test, vi } from "vitest";
import { useKeys } from "./keys";

function Page({ keys }: { keys: Record<string, () => void> }) {
  useKeys(keys);
  return (
    <>
      <input aria-label="text" />
      <button type="button">b</button>
    </>
  );
}

test("single keys, pairs and capitals", async () => {
  const called = vi.fn();
  const keys = Object.fromEntries(["j", "* a", "g s", "s", "Shift+g", "Enter"].map((key) => [key, () => called(key)]));
  const { getByRole } = render(<Page keys={keys} />);
  await userEvent.keyboard("j*ags{Shift>}G{/Shift}s");
  expect(called.mock.calls.flat()).toEqual(["j", "* a", "g s", "Shift+g", "s"]);
  called.mockClear();
  await userEvent.type(getByRole("textbox"), "js");
  getByRole("button").focus();
  await userEvent.keyboard("{Enter}");
  expect(called).not.toHaveBeenCalled();
});

test("what is typed into an editor in a shadow root is typed", () => {
  const called = vi.fn();
  const { container } = render(<Page keys={{ u: called }} />);
  const host = container.appendChild(document.createElement("div"));
  const field = host.attachShadow({ mode: "open" }).appendChild(document.createElement("textarea"));
  const press = (target: EventTarget) => target.dispatchEvent(new KeyboardEvent("keydown", { key: "u", bubbles: true, composed: true, cancelable: true }));
  press(field);
  expect(called).not.toHaveBeenCalled();
  press(host);
  expect(called).toHaveBeenCalledOnce();
});

function Frame({ keys, children }: { keys: Record<string, () => void>; children?: ReactNode }) {
  useKeys(keys);
  return children;
}

test.each(["the frame first", "the page first"])("a pair of the frame is no single key of the page: %s", async (order) => {
  const [goes, escalates] = [vi.fn(), vi.fn()];
  // What is inside is there first, unless it comes later.
  const page = <Page keys={{ s: escalates }} />;
  const { rerender } = render(<Frame keys={{ "g s": goes }}>{order === "the page first" && page}</Frame>);
  rerender(<Frame keys={{ "g s": goes }}>{page}</Frame>);
  await userEvent.keyboard("gs");
  expect([goes.mock.calls.length, escalates.mock.calls.length]).toEqual([1, 0]);
  await userEvent.keyboard("s");
  expect([goes.mock.calls.length, escalates.mock.calls.length]).toEqual([1, 1]);
});
